"""`POST /v1/predict/stream`: many calls as lines of JSON, answered line by line as they are read.

Neither side has to hold the whole: lines are decided and stored in groups, and each group is
answered before the next is taken. A line that cannot be taken is answered with an error in its
place; only a line beyond the limit, whose end cannot be found, ends the stream.
"""

import json
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from fenliu.errors import FenliuError, InvalidInput
from serving.auth import Predict, Principal
from serving.predict.api import Service, line_of, parse
from serving.predict.service import Call, PredictService
from serving.rate import Limiter, RateLimiter

router = APIRouter(prefix="/v1", tags=["predict"])

MEDIA_TYPE = "application/x-ndjson"
GROUP = 64
LONGEST_LINE = 128 * 1024


class _DuplexResponse(StreamingResponse):
    """A streamed answer to a request that is still being read.

    Starlette's own reads on, to notice a disconnect, and would swallow the rest of the body.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientDisconnect):
            await self.stream_response(send)


@router.post(
    "/predict/stream",
    summary="逐行判定大批警情",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {}}, "description": "与请求同序，一行一个结果"}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        }
    },
)
async def predict_stream(
    request: Request, service: Service, principal: Predict, limiter: Limiter
) -> StreamingResponse:
    """请求与应答都是一行一个 JSON（NDJSON）；边读边判，每行的决定在作答时已落盘。"""
    return _DuplexResponse(_answers(request, service, principal, limiter), media_type=MEDIA_TYPE)


async def _answers(
    request: Request, service: PredictService, principal: Principal, limiter: RateLimiter
) -> AsyncIterator[bytes]:
    number = 0
    async for group in _groups(request):
        calls = [_call(line, number + place) for place, line in enumerate(group)]
        try:
            outcomes = await service.decide_all(
                calls, principal.made_by, where="lines", first=number
            )
        except FenliuError as error:
            # The store is away or full: what was answered is stored, the rest must come again.
            yield line_of(error) + b"\n"
            return
        number += len(group)
        limiter.charge(principal, len(group))
        yield b"".join(line_of(outcome) + b"\n" for outcome in outcomes)


async def _groups(request: Request) -> AsyncIterator[list[bytes]]:
    """Lines as they come, blank ones left out, at most GROUP at a time."""
    rest = b""
    async for chunk in request.stream():
        *lines, rest = (rest + chunk).split(b"\n")
        full = [line for line in lines if line.strip()]
        for start in range(0, len(full), GROUP):
            yield full[start : start + GROUP]
        if len(rest) > LONGEST_LINE:
            break
    if rest.strip():
        yield [rest]


def _call(line: bytes, number: int) -> Call | InvalidInput:
    where = f"lines[{number}]"
    if len(line) > LONGEST_LINE:
        return InvalidInput(where, f"has more than {LONGEST_LINE:,} bytes: send one call a line")
    try:
        entry = json.loads(line)
    except ValueError:
        return InvalidInput(where, "is not JSON in UTF-8: send one JSON object a line")
    return parse(entry, ("lines", number))
