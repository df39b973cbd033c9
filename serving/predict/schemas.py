"""What crosses the wire when calls are decided on."""

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from fenliu.text import MAX_CHARACTERS

MAX_BATCH = 1000
# Paths whose request body is taken piece by piece and never held.
STREAMED = frozenset({"/v1/predict/stream"})

Action = Literal["divert", "dispatch_police", "human_review"]
Owner = Literal["mediation_centre", "police", "outside"]


def _printable(value: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise ValueError("has a control character or lone surrogate: remove it")
    return value


Label = Annotated[str, AfterValidator(_printable)]
Place = Annotated[int, Field(ge=0, description="按原文字符计的位置")]

CALL_EXAMPLE: dict[str, Any] = {
    "call_id": "20261125-000123",
    "text": "报警人称老板欠三个月工钱不给",
    "occurred_at": "2026-11-25T09:30:00+08:00",
    "location": "幸福里小区",
}


class CallIn(BaseModel):
    """一条警情。"""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [CALL_EXAMPLE]})

    text: str = Field(
        description=f"报警内容，最多 {MAX_CHARACTERS} 字", examples=["邻居装修太吵，说了不听"]
    )
    call_id: Label | None = Field(
        None, min_length=1, max_length=128, description="警情编号；同号同文只判一次"
    )
    occurred_at: AwareDatetime | None = Field(None, description="报警时间，带时区")
    caller: Label | None = Field(None, max_length=64, description="报警人电话或代号，不写入日志")
    location: Label | None = Field(None, max_length=256, description="地点")


class BatchIn(BaseModel):
    """一批警情，逐条作答。"""

    model_config = ConfigDict(extra="forbid")

    # Rows are checked one by one, so that a bad one does not lose the others.
    calls: list[object] = Field(
        min_length=1,
        max_length=MAX_BATCH,
        description=f"警情列表，最多 {MAX_BATCH} 条，每条同 /v1/predict 的请求体",
        examples=[[CALL_EXAMPLE, {"text": "电瓶车被偷"}]],
    )


class TypeOut(BaseModel):
    """判定的情形。"""

    code: str
    name: str
    category_code: str
    category: str
    probability: float


class CandidateOut(BaseModel):
    """候选情形。"""

    code: str
    name: str
    probability: float


class ReasonOut(BaseModel):
    """起作用的词句及其权重。"""

    start: Place
    end: Place
    text: str
    weight: float


class RedFlagOut(BaseModel):
    """命中的红线。"""

    id: str
    name: str
    level: Literal["danger", "caution"]
    start: Place
    end: Place
    text: str


class RouteOut(BaseModel):
    """去向与时限。"""

    department: str
    term: str
    due_days: int | None


class DecisionOut(BaseModel):
    """分流决定。"""

    decision_id: str
    call_id: str | None = Field(description="请求中的警情编号")
    supersedes: str | None = Field(description="被本决定取代的上一个决定")
    decided_at: AwareDatetime
    action: Action
    owner: Owner
    owner_probability: dict[Owner, float]
    type: TypeOut
    candidates: list[CandidateOut]
    reasons: list[ReasonOut]
    red_flags: list[RedFlagOut]
    review_reasons: list[str]
    questions: list[str]
    route: RouteOut | None
    model_version: str
    policy_version: str
    taxonomy_version: str


class ProblemOut(BaseModel):
    """出错说明（RFC 9457）。"""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] | None = None
    request_id: str | None = Field(None, description="请求编号，同 X-Request-ID")


class BatchErrorOut(BaseModel):
    """批中一条的错误。"""

    error: ProblemOut


class BatchOut(BaseModel):
    """与请求同序的结果；坏的一条给出 error，不影响其余。"""

    results: list[DecisionOut | BatchErrorOut]
