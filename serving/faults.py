"""A fault of the service is answered as a problem and logged without what the caller said.

The message of an exception may hold a narrative (a database driver shows its parameters, a decoder
the text it failed on), so the log gets the kinds of the exceptions and the lines they came from.
"""

import logging
import traceback

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import problem, respond

logger = logging.getLogger("fenliu.faults")


class Faults:
    """ASGI middleware that no exception leaves."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:
            logger.error("a request failed: %s", trail(error))
            if not started:
                answer = respond(problem("internal", "the service failed; its log has the details"))
                await answer(scope, receive, send)


def trail(error: BaseException) -> str:
    """Kinds of an exception and its causes with the lines they came from, without any message."""
    links = []
    seen: BaseException | None = error
    while seen is not None:
        frames = traceback.extract_tb(seen.__traceback__)
        lines = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        links.append(f"{type(seen).__module__}.{type(seen).__qualname__} at {lines or 'no line'}")
        seen = seen.__cause__ or seen.__context__
    return "; because of ".join(links)
