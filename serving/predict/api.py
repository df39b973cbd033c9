"""Routes under /v1 that decide on calls."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import ValidationError

from fenliu.errors import FenliuError, InvalidInput
from serving.auth import Predict, PredictOrRead
from serving.predict.log import Outcome
from serving.predict.schemas import BatchIn, BatchOut, CallIn, DecisionOut, ProblemOut
from serving.predict.service import PredictService, answer_of
from serving.problems import MEDIA_TYPE, field_errors, problem_of
from serving.rate import Limiter

router = APIRouter(prefix="/v1", tags=["predict"])

_PROBLEM: dict[str, Any] = {"model": ProblemOut, "content": {MEDIA_TYPE: {}}}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: _PROBLEM | {"description": "不是 JSON"},
    413: _PROBLEM | {"description": "请求体过大"},
    422: _PROBLEM | {"description": "请求内容不合要求"},
    503: _PROBLEM | {"description": "存储暂不可用或排队过长，见 Retry-After"},
}


def service(request: Request) -> PredictService:
    """The service of this application."""
    found: PredictService = request.app.state.predict
    return found


Service = Annotated[PredictService, Depends(service)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=128,
        pattern=r"^[\x21-\x7e]+$",
        description="同一个键的同一请求只判一次；一批中第 n 条的键为 键#n",
    ),
]


@router.post("/predict", response_model=DecisionOut, responses=_PROBLEMS, summary="判定一条警情")
async def predict(
    call: CallIn, service: Service, principal: Predict, idempotency_key: IdempotencyKey = None
) -> Response:
    """判定一条警情：属于哪一情形、归谁、有多大把握、依据何在。作答时决定已落盘。"""
    return _json(answer_of(await service.decide(call, principal.made_by, idempotency_key)))


@router.post("/predict/batch", response_model=BatchOut, responses=_PROBLEMS, summary="判定一批警情")
async def predict_batch(
    batch: BatchIn,
    service: Service,
    principal: Predict,
    limiter: Limiter,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """逐条判定，结果与请求同序；坏的一条给出 error，其余照常。"""
    limiter.charge(principal, len(batch.calls) - 1)
    calls = [parse(entry, ("calls", place)) for place, entry in enumerate(batch.calls)]
    outcomes = await service.decide_all(calls, principal.made_by, idempotency_key)
    results = [line_of(outcome) for outcome in outcomes]
    return _json(b'{"results":[' + b",".join(results) + b"]}")


@router.get(
    "/decisions/{decision_id}",
    response_model=DecisionOut,
    responses={404: _PROBLEM | {"description": "没有这个决定"}, 503: _PROBLEMS[503]},
    summary="查一个决定",
)
def get_decision(decision_id: str, service: Service, principal: PredictOrRead) -> Response:
    """按 decision_id 取回当时作出的决定；只有 predict 权限的密钥只能取回自己作出的。"""
    return _json(answer_of(service.find(decision_id, principal.visible_makers)))


def line_of(outcome: Outcome) -> bytes:
    """JSON of one row's outcome: the decision, or `{"error": problem}`."""
    if isinstance(outcome, FenliuError):
        return json.dumps({"error": problem_of(outcome)}, ensure_ascii=False).encode()
    return answer_of(outcome)


def parse(entry: object, where: tuple[str, int]) -> CallIn | InvalidInput:
    """One call of many, or what is wrong with it, named by its place such as `calls[3]`."""
    try:
        return CallIn.model_validate(entry)
    except ValidationError as error:
        first = field_errors(error.errors(), where)[0]
        return InvalidInput(first["field"], first["message"])


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
