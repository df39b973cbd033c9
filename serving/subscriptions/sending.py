"""One attempt to deliver: a signed POST to one receiver, judged by its status alone."""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpcore
from standardwebhooks import Webhook

from fenliu import __version__
from serving.subscriptions.guard import GuardedBackend, NameUnknown, TargetRefused
from serving.subscriptions.leases import Leased
from serving.subscriptions.targets import TargetRules

# A receiver has nothing to tell beyond its status; what it says is read only so that the connection
# can be used again.
MAX_ANSWER_BYTES = 64 * 1024
_CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt; `error` is a stable word, None for success."""

    error: str | None
    status: int | None = None
    asked_for: timedelta = timedelta()

    @property
    def gone(self) -> bool:
        """The receiver wants nothing more, ever."""
        return self.status == _GONE


class Sender:
    """Sends to allowed targets only, directly: no proxy, no redirect, bounded time and answer."""

    def __init__(self, rules: TargetRules, timeout: timedelta) -> None:
        self._timeout = timeout.total_seconds()
        self._backend = GuardedBackend(rules)
        # No common limit of connections: receivers that are slow would use it up for all.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=None,
            max_keepalive_connections=20,
            keepalive_expiry=30,
            network_backend=self._backend,
        )

    async def send(self, leased: Leased) -> Outcome:
        """Try once; never raises for what a receiver or the network does."""
        outcome: Outcome | None = None
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._pool.stream(
                    "POST",
                    leased.url,
                    headers=_headers(leased),
                    content=leased.body.encode(),
                    # A host may have several addresses: the first must not use up all the time.
                    extensions={"timeout": {"connect": self._timeout / 2}},
                ) as response,
            ):
                outcome = _judge(response)
                await _drain(response)
        except TargetRefused:
            return Outcome("target_refused")
        except NameUnknown:
            return Outcome("name_unknown")
        except (TimeoutError, httpcore.TimeoutException):
            return outcome or Outcome("timeout")
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            return outcome or Outcome("tls_failed" if _tls(error) else "connection_failed")
        return outcome

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()
        self._backend.close()


def _headers(leased: Leased) -> dict[bytes | str, bytes | str]:
    now = datetime.now(UTC)
    return {
        "Content-Type": _CONTENT_TYPE,
        "User-Agent": f"Fenliu/{__version__}",
        "webhook-id": leased.event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(leased.secret).sign(leased.event_id, now, leased.body),
    }


def _tls(error: BaseException) -> bool:
    """Was it the certificate or the encryption? The libraries between wrap that error."""
    cause = error.__cause__ or error.__context__
    return isinstance(cause, ssl.SSLError) or (cause is not None and _tls(cause))


def _judge(response: httpcore.Response) -> Outcome:
    if 200 <= response.status < 300:
        return Outcome(None, response.status)
    word = "redirect" if 300 <= response.status < 400 else "status"
    asked = {name.lower(): value for name, value in response.headers}.get(b"retry-after", b"")
    seconds = int(asked) if asked.isdigit() and len(asked) < 7 else 0
    return Outcome(word, response.status, timedelta(seconds=seconds))


async def _drain(response: httpcore.Response) -> None:
    received = 0
    async for chunk in response.aiter_stream():
        received += len(chunk)
        if received > MAX_ANSWER_BYTES:
            return
