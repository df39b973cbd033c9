"""Every request: its id, its line in the log, its time in the metrics.

The outermost middleware, so that no answer goes without an id, not even that of a fault.
"""

import logging
import re
from collections.abc import Iterable
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import problems
from serving.identifiers import new_id
from serving.watch import logs
from serving.watch.metrics import Metrics

HEADER = b"x-request-id"
_SANE = re.compile(rb"[\x21-\x7e]{1,128}")
# A path that no route takes says nothing; as a label it could grow without end.
NO_ROUTE = "none"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Requests:
    """ASGI middleware that names, times and logs each request, and answers faults."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status = 0
        request_id = request_id_of(scope["headers"])
        header = (HEADER, request_id.encode())

        async def named_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        with logs.request(request_id):
            try:
                await self._app(scope, receive, named_send)
            except Exception as error:
                logs.event("fault", logging.ERROR, fault=error)
                if status:
                    raise  # half an answer is out: only the server can end the connection
                await problems.respond(problems.fault())(scope, receive, named_send)
            finally:
                self._finish(scope, status, perf_counter() - started)

    def _finish(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = route_of(scope)
        self._metrics.request(method, route, status, seconds)
        logs.event_of_request(method, route, status, seconds)


def route_of(scope: Scope) -> str:
    """The path of a route as it was declared, its parameters unfilled."""
    return getattr(scope.get("route"), "path", None) or NO_ROUTE


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id that a request brings along, if it is visible ASCII and not long, else a new one."""
    for name, value in headers:
        if name == HEADER and _SANE.fullmatch(value):
            return value.decode()
    return new_id()
