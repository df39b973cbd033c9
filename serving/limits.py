"""Limits of a single request: the size of its body, and the time until its answer begins.

Bodies beyond the limit are refused before they are held in memory.
How slowly a request may arrive is the connection's matter, see `serving.connection`.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import problem, respond


class BodyLimit:
    """ASGI middleware that answers 413 for a body of more than `limit` bytes.

    Paths in `streamed` are left alone: they never hold their body.
    """

    def __init__(self, app: ASGIApp, limit: int, streamed: frozenset[str]) -> None:
        self._app = app
        self._limit = limit
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._streamed:
            await self._app(scope, receive, send)
            return
        received = 0
        answered = False
        length = dict(scope["headers"]).get(b"content-length", b"0")

        async def refuse() -> None:
            nonlocal answered
            answered = True
            detail = f"the body has more than {self._limit:,} bytes: send fewer or shorter calls"
            await respond(problem("body-too-large", detail))(scope, receive, send)

        async def limited_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit and not answered:
                await refuse()
                return {"type": "http.disconnect"}
            return message

        async def limited_send(message: Message) -> None:
            if not answered:
                await send(message)

        if length.isdigit() and int(length) > self._limit:
            await refuse()
            return
        await self._app(scope, limited_receive, limited_send)


class TimeLimit:
    """ASGI middleware that answers 503 where no answer has begun within `seconds`.

    An answer that has begun, such as a stream, may go on.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = asyncio.timeout(self._seconds)

        async def watched_send(message: Message) -> None:
            if not limit.expired():
                limit.reschedule(None)
            await send(message)

        try:
            async with limit:
                await self._app(scope, receive, watched_send)
        except TimeoutError:
            if not limit.expired():
                raise
            detail = f"no answer within {self._seconds:g} s: send the request again"
            await respond(problem("timed-out", detail))(scope, receive, send)
