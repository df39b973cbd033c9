"""All that stands between the network and the routes, in the order in which a request meets it."""

from typing import Any

from fastapi import FastAPI

from serving.faults import Faults
from serving.keys.gate import KeyGate
from serving.limits import BodyLimit, TimeLimit
from serving.predict.schemas import STREAMED, ProblemOut
from serving.problems import MEDIA_TYPE
from serving.rate import RateLimit
from serving.security_headers import SecurityHeaders
from serving.settings import Settings

_PROBLEM: dict[str, Any] = {"model": ProblemOut, "content": {MEDIA_TYPE: {}}}
# What any route behind the gate may answer; for OpenAPI.
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: _PROBLEM | {"description": "没有密钥，或密钥无效、过期、已吊销"},
    403: _PROBLEM | {"description": "密钥没有所需的权限"},
    429: _PROBLEM | {"description": "该密钥调用过多，见 Retry-After"},
}


def install(app: FastAPI, settings: Settings) -> None:
    """Put the middleware around the routes; `app.state` holds the ring and the limiter."""
    layers: list[tuple[Any, dict[str, Any]]] = [
        (SecurityHeaders, {}),
        (Faults, {}),
        (TimeLimit, {"seconds": settings.answer_seconds}),
        (KeyGate, {"ring": app.state.ring, "host": settings.host}),
        (RateLimit, {"limiter": app.state.limiter}),
        (BodyLimit, {"limit": settings.max_body_bytes, "streamed": STREAMED}),
    ]
    for layer, options in reversed(layers):  # the one added last stands outside
        app.add_middleware(layer, **options)
