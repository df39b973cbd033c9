"""The hot route: `POST /v1/predict` without FastAPI, for requests that are plainly right.

Dispatch software asks this for every call. A request that a strict decoder takes is decided here;
anything else, wrong or merely unusual, goes on to the plain route with the same body, so there is
one place where errors are made. A test holds both against each other, byte for byte.
"""

from datetime import datetime
from types import SimpleNamespace
from typing import Annotated

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fenliu.errors import FenliuError, InvalidInput
from serving.auth import Principal
from serving.predict.service import PredictService, answer_of
from serving.problems import answer

_PATH = "/v1/predict"
# What the router would have noted in the scope; logs and metrics look there.
_ROUTE = SimpleNamespace(path=_PATH)
_JSON = b"application/json"
# Headers that change what the plain route does with a request.
_UNUSUAL = {b"idempotency-key", b"content-encoding"}


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    call_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    caller: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    location: Annotated[str, msgspec.Meta(max_length=256)] | None = None


_DECODER = msgspec.json.Decoder(_Call)


class HotRoute:
    """ASGI application in front of another."""

    def __init__(self, app: ASGIApp, service: PredictService) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != _PATH or not _is_plain(scope):
            await self._app(scope, receive, send)
            return
        read: list[Message] = [await receive()]
        while read[-1].get("more_body"):
            read.append(await receive())
        call = _decode(b"".join(message.get("body", b"") for message in read))
        scope["route"] = _ROUTE
        principal: Principal = scope["state"]["principal"]
        if call is not None and "predict" in principal.scopes:
            try:
                body = answer_of(await self._service.decide(call, principal.made_by))
            except InvalidInput:
                pass  # The plain route finds it again and names the field.
            except FenliuError as error:
                await answer(error, scope["app"])(scope, receive, send)
                return
            else:
                await _send(send, body)
                return
        await self._app(scope, _again(read, receive), send)


def _is_plain(scope: Scope) -> bool:
    if scope["method"] != "POST":
        return False
    kind = b""
    for name, value in scope["headers"]:
        if name in _UNUSUAL:
            return False
        if name == b"content-type":
            kind = value
    return bool(kind == _JSON)


def _decode(body: bytes) -> _Call | None:
    """The call, or None for a body that the plain route must judge."""
    try:
        call = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    labels = (call.call_id, call.caller, call.location)
    return call if all(label is None or label.isprintable() for label in labels) else None


def _again(read: list[Message], receive: Receive) -> Receive:
    """A `receive` that gives the messages already read, then what follows."""
    left = iter(read)

    async def replay() -> Message:
        return next(left, None) or await receive()

    return replay


async def _send(send: Send, body: bytes) -> None:
    headers = [
        (b"content-length", str(len(body)).encode()),
        (b"content-type", _JSON),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
