"""The gate: nobody passes unknown, whether a route asks who they are or not.

It stands before the body is read, so that a stranger cannot make the service read one.
"""

import ipaddress
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from fenliu.errors import ConfigurationError, FenliuError
from serving.auth import LOCAL, Principal, Unauthenticated, is_open
from serving.keys.ring import KeyRing
from serving.problems import problem_of, respond

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="fenliu"'}
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


class KeyGate:
    """ASGI middleware that puts the principal into the request's state, or answers 401."""

    def __init__(self, app: ASGIApp, ring: KeyRing, host: str) -> None:
        self._app = app
        self._ring = ring
        self._only_this_machine = is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            principal = await self._principal(Headers(scope=scope))
        except FenliuError as error:
            headers = _CHALLENGE if isinstance(error, Unauthenticated) else None
            await respond(problem_of(error), headers)(scope, receive, send)
            return
        scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)

    async def _principal(self, headers: Headers) -> Principal:
        await self._ring.refresh()
        if not self._ring.has_keys and self._only_this_machine:
            return _local(headers)
        kind, _, text = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            raise Unauthenticated("a key is needed: send the header Authorization: Bearer fl_…")
        principal = self._ring.principal(text.strip())
        if principal is None:
            raise Unauthenticated("the key is unknown, expired or revoked: use a key in force")
        return principal


def refuse_open_door(host: str, ring: KeyRing) -> None:
    """Raise ConfigurationError where others could call and no key would keep them out."""
    if not ring.has_keys and not is_loopback(host):
        raise ConfigurationError(
            f"host {host} can be reached by others and no key exists: create one with "
            "`fenliu keys create`, or listen on 127.0.0.1"
        )


def _local(headers: Headers) -> Principal:
    """The local principal, unless a proxy or a web page of another host speaks through it."""
    if any(name in headers for name in _FORWARDED):
        raise Unauthenticated(
            "a proxy stands before this service and no key exists: "
            "create one with `fenliu keys create`"
        )
    if not _is_local_name(headers.get("host", "")):
        raise Unauthenticated("without a key only the address 127.0.0.1 or localhost is answered")
    return LOCAL


@lru_cache(maxsize=64)
def _is_local_name(host: str) -> bool:
    """Whether a Host header can only mean this machine.

    A web page can point a name of its own at 127.0.0.1 (DNS rebinding); such a name has a dot.
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return is_loopback(name.strip("[]")) or "." not in name.rstrip(".")


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address that is listened on."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
