"""Is the process alive, and can it take calls?"""

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from serving.bundle_watch import OnDisk
from serving.db import unavailable

router = APIRouter(tags=["health"])


class HealthOut(BaseModel):
    """存活。"""

    status: str


class ReadyOut(BaseModel):
    """就绪，及在用的版本。"""

    status: str
    model_version: str
    policy_version: str
    taxonomy_version: str
    bundle_on_disk: OnDisk


@router.get("/healthz", response_model=HealthOut, summary="存活检查")
async def healthz() -> HealthOut:
    """进程在，即为 ok。"""
    return HealthOut(status="ok")


@router.get("/readyz", response_model=ReadyOut, summary="就绪检查")
def readyz(request: Request) -> ReadyOut:
    """模型已载入且存储可读，才为 ready；否则 503。磁盘上的模型包换了或坏了，照旧服务并如实说明。"""
    try:
        with request.app.state.engine.connect() as connection:
            connection.execute(text("SELECT 1 FROM decisions LIMIT 1"))
    except DBAPIError as error:
        raise unavailable(error) from error
    bundle = request.app.state.predict.classifier.bundle
    return ReadyOut(
        status="ready",
        model_version=bundle.model_version,
        policy_version=bundle.policy_version,
        taxonomy_version=bundle.taxonomy.version,
        bundle_on_disk=request.app.state.bundle_watch.look(),
    )
