"""Headers that keep browsers from doing more with an answer than showing it.

A route that sets one of them itself keeps its own.
"""

import base64
import hashlib
import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
)
_ABOUT_CALLS = (*_ALWAYS, (b"cache-control", b"no-store"))
# Swagger UI and ReDoc put style elements and data: images into the page, ReDoc starts a worker.
_DOCUMENTATION = (
    "default-src 'none'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
DOCUMENTATION_PATHS = frozenset({"/docs", "/docs/oauth2-redirect", "/redoc"})
_INLINE_SCRIPT = re.compile(rb"<script(?:\s+type=[^>]*)?>(.*?)</script>", re.DOTALL)


class SecurityHeaders:
    """ASGI middleware that adds the headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        start: Message | None = None

        async def guarded_send(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                _add_headers(message, path)
                if path in DOCUMENTATION_PATHS:
                    start = message
                    return
            elif start is not None:
                # The policy of a page names the scripts that stand in it, so the page comes first.
                _set_policy(start, documentation_policy(message.get("body", b"")))
                held, start = start, None
                await send(held)
            await send(message)

        await self._app(scope, receive, guarded_send)


def documentation_policy(page: bytes) -> str:
    """Content-Security-Policy of a documentation page: its own scripts run, no others."""
    digests = [hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(page)]
    hashes = "".join(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return _DOCUMENTATION.format(hashes=hashes)


def _add_headers(message: Message, path: str) -> None:
    set_before = {name for name, _ in message["headers"]}
    wanted = _ABOUT_CALLS if path.startswith("/v1") else _ALWAYS
    message["headers"] += [header for header in wanted if header[0] not in set_before]


def _set_policy(message: Message, policy: str) -> None:
    MutableHeaders(scope=message)["Content-Security-Policy"] = policy
