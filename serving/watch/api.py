"""GET /metrics."""

from fastapi import APIRouter, Request, Response

from serving.auth import Read
from serving.watch.metrics import Metrics

router = APIRouter(tags=["health"])


# Not async: metrics that look something up may take their time in a thread.
@router.get("/metrics", response_class=Response, summary="监控指标（Prometheus）")
def metrics(request: Request, _: Read) -> Response:
    """时延、决定、红线、存储、模型与证书、漂移；不含任何警情内容。"""
    found: Metrics = request.app.state.metrics
    body, media_type = found.exposition(request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": media_type})
