"""How much each key may ask for: a token bucket per key, in this process.

One call is one token. A batch takes one token at the door and the rest when its rows are counted,
which may leave the bucket in debt; the next request then waits for it.
"""

import math
import time
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.auth import LOCAL, Principal
from serving.problems import problem, respond


class Bucket:
    """Holds `burst` tokens at most and gains `per_second`."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = float(burst)
        self._at = time.monotonic()

    def _refill(self) -> None:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now

    def take(self) -> bool:
        """Take one token, if there is one."""
        self._refill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def owe(self, tokens: int) -> None:
        """Take tokens whether they are there or not."""
        self._refill()
        self._tokens -= tokens

    @property
    def left(self) -> int:
        """Whole tokens that are there."""
        return max(0, math.floor(self._tokens))

    @property
    def seconds_to_next(self) -> int:
        """Seconds until a token is there, rounded up."""
        return max(1, math.ceil((1 - self._tokens) / self._per_second))

    @property
    def seconds_to_full(self) -> int:
        """Seconds until all tokens are there, rounded up."""
        return math.ceil((self._burst - self._tokens) / self._per_second)


class RateLimiter:
    """The buckets of all keys; the local principal has none."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = burst
        window = math.ceil(burst / per_second)
        self._policy = f'"calls";q={burst};w={window}'.encode()
        self._buckets: dict[str, Bucket] = {}

    def bucket(self, principal: Principal) -> Bucket | None:
        """The bucket of a principal. Only known keys get here, so there are few."""
        if principal == LOCAL:
            return None
        if principal.subject not in self._buckets:
            self._buckets[principal.subject] = Bucket(self._per_second, self._burst)
        return self._buckets[principal.subject]

    def charge(self, principal: Principal, calls: int) -> None:
        """Count further calls of a request that has passed the door as one."""
        bucket = self.bucket(principal)
        if bucket is not None:
            bucket.owe(calls)

    def headers(self, bucket: Bucket) -> list[tuple[bytes, bytes]]:
        """RateLimit fields (draft-ietf-httpapi-ratelimit-headers-10)."""
        left = f'"calls";r={bucket.left};t={bucket.seconds_to_full}'
        return [(b"ratelimit-policy", self._policy), (b"ratelimit", left.encode())]


class RateLimit:
    """ASGI middleware that answers 429 to a key whose bucket is empty."""

    def __init__(self, app: ASGIApp, limiter: RateLimiter) -> None:
        self._app = app
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = scope.get("state", {}).get("principal")
        bucket = self._limiter.bucket(principal) if principal else None
        if bucket is None:
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += self._limiter.headers(bucket)
            await send(message)

        if bucket.take():
            await self._app(scope, receive, send_with_headers)
            return
        seconds = bucket.seconds_to_next
        body = problem("rate-limited", f"this key has sent too many calls: wait {seconds} s")
        answer = respond(body, {"Retry-After": str(seconds)})
        await answer(scope, receive, send_with_headers)


def limiter(request: Request) -> RateLimiter:
    """The limiter of this application."""
    found: RateLimiter = request.app.state.limiter
    return found


Limiter = Annotated[RateLimiter, Depends(limiter)]
