"""All that stands between the network and the routes, in the order in which a request meets it."""

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from serving.keys.gate import KeyGate
from serving.limits import BodyLimit, TimeLimit
from serving.predict.schemas import STREAMED, ProblemOut
from serving.problems import MEDIA_TYPE
from serving.rate import RateLimit
from serving.security_headers import SecurityHeaders
from serving.settings import Settings
from serving.watch.requests import Requests
from serving.watch.traces import Traces

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_PROBLEM: dict[str, Any] = {"model": ProblemOut, "content": {MEDIA_TYPE: {}}}
# What any route behind the gate may answer; for OpenAPI.
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: _PROBLEM | {"description": "没有密钥，或密钥无效、过期、已吊销"},
    403: _PROBLEM | {"description": "密钥没有所需的权限"},
    429: _PROBLEM | {"description": "该密钥调用过多，见 Retry-After"},
}


def install(app: FastAPI, settings: Settings, tracing: "TracerProvider | None") -> None:
    """Put the middleware around the routes; `app.state` has ring, limiter and metrics."""
    layers: list[tuple[Any, dict[str, Any]]] = [
        (SecurityHeaders, {}),
        (Requests, {"metrics": app.state.metrics}),
        *([(Traces, {"tracer": tracing.get_tracer("fenliu")})] if tracing else []),
        (TimeLimit, {"seconds": settings.answer_seconds}),
        (KeyGate, {"ring": app.state.ring, "host": settings.host}),
        (RateLimit, {"limiter": app.state.limiter}),
        (BodyLimit, {"limit": settings.max_body_bytes, "streamed": STREAMED}),
    ]
    for layer, options in reversed(layers):  # the one added last stands outside
        app.add_middleware(layer, **options)
