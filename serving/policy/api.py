"""The policy in force: its thresholds, and what is proven of its risk."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from serving.auth import AnyKey

router = APIRouter(prefix="/v1", tags=["policy"])


class PolicyOut(BaseModel):
    """在用的分流策略。"""

    policy_version: str
    model_version: str
    divert_threshold: float = Field(description="矛调概率不低于此值才可直接分流；大于 1 即不分流")
    police_threshold: float = Field(description="公安概率不低于此值直接派警")
    clause_threshold: float = Field(description="单句的公安概率高于此值即不得直接分流")
    provisional: bool = Field(
        description="真：证书只对编写的语料成立，本市尚未用自己的警情认证（fenliu policy certify）"
    )
    certificate: dict[str, Any] = Field(description="风险证书：样本量、α、δ、上界、覆盖率")


@router.get("/policy", response_model=PolicyOut, summary="在用的分流策略与风险证书")
async def get_policy(request: Request, _: AnyKey) -> PolicyOut:
    """阈值是多少，风险证明到什么程度，证书是否只是暂定。"""
    bundle = request.app.state.predict.classifier.bundle
    policy = bundle.policy
    return PolicyOut(
        policy_version=bundle.policy_version,
        model_version=bundle.model_version,
        divert_threshold=policy.divert_threshold,
        police_threshold=policy.police_threshold,
        clause_threshold=policy.clause_threshold,
        provisional=policy.provisional,
        certificate=policy.certificate,
    )
