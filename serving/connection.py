"""The connection: how slowly a request may arrive, and how large its head may be.

The server itself waits for ever for the rest of a request and keeps whatever headers come, so that
a few clients who send a byte now and then could hold all its connections (slowloris).
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.problems import MEDIA_TYPE, problem


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`head` is the address and all headers; times are seconds.

    On the paths `streamed` a body may be as long as it likes, as long as its pieces keep coming.
    """

    max_head_bytes: int
    max_body_bytes: int
    head_seconds: float
    body_seconds: float
    streamed: frozenset[str] = frozenset()


class LimitedConnection(HttpToolsProtocol):
    """uvicorn's connection with limits; a breach is answered once and the connection closed."""

    _timer: asyncio.TimerHandle | None = None
    _in_head = True
    _streaming = False
    _head_bytes = 0
    _message_bytes = 0
    _refused: tuple[str, str] = ("malformed-request", "send an HTTP/1.1 request")

    def __init__(self, *given: Any, limits: ConnectionLimits, **named: Any) -> None:
        super().__init__(*given, **named)
        self.limits = limits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect(self.limits.head_seconds, "the headers")

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._timer is None:
            self._expect(self.limits.head_seconds, "the headers")
        self._message_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._streaming:
            self._expect(self.limits.body_seconds, "the next lines")
            return
        if self._in_head and self._message_bytes > self.limits.max_head_bytes:
            self._refuse(*self._too_large())
        # Chunk sizes and trailers come on top of the body, but not as much again.
        most = self.limits.max_head_bytes + 2 * self.limits.max_body_bytes
        if self._message_bytes > most:
            self._close_or_refuse("body-too-large", "the body has too many bytes: send fewer calls")

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._expect(self.limits.head_seconds, "the headers")
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._expect(self.limits.body_seconds, "the body")
        super().on_headers_complete()
        self._streaming = self.scope["path"] in self.limits.streamed

    def on_message_complete(self) -> None:
        self._message_bytes = 0
        self._streaming = False
        self._stop_timer()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(*self._refused)

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self.limits.max_head_bytes:
            self._refused = self._too_large()
            raise httptools.HttpParserError  # ends in send_400_response

    def _too_large(self) -> tuple[str, str]:
        most = self.limits.max_head_bytes
        return "headers-too-large", f"address and headers have more than {most:,} bytes: send fewer"

    def _expect(self, seconds: float, what: str) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._late, seconds, what)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self, seconds: float, what: str) -> None:
        detail = f"{what} did not arrive within {seconds:g} s: send the request again"
        self._close_or_refuse("request-too-slow", detail)

    def _close_or_refuse(self, slug: str, detail: str) -> None:
        answering = self.cycle is not None and self.cycle.response_started
        if answering and not self._in_head:
            self.transport.close()
        else:
            self._refuse(slug, detail)

    def _refuse(self, slug: str, detail: str) -> None:
        if self.transport.is_closing():
            return
        body = json.dumps(problem(slug, detail)).encode()
        status = HTTPStatus(problem(slug, detail)["status"])
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
            "x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def limited_connection(limits: ConnectionLimits) -> Callable[..., LimitedConnection]:
    """What uvicorn calls for each connection; it can be sent to worker processes."""
    return partial(LimitedConnection, limits=limits)
