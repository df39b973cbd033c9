"""Who is calling, and what they may do.

A route says in its signature who may call it: `principal: Predict`. Whoever calls was made known
before by `serving.keys.gate`, which refuses everybody it does not know.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from fenliu.errors import FenliuError

Scope = Literal["predict", "read", "review", "orders", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

# Answered without a key: health for the load balancer, and documentation that anybody can read in
# the source code. Nothing below holds data.
OPEN_PATHS = frozenset(
    {"/", "/healthz", "/readyz", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}
)
OPEN_FOLDERS = ("/static-offline-docs/",)


class Unauthenticated(FenliuError):
    """Nobody knows who is calling."""

    slug = "unauthenticated"


class Forbidden(FenliuError):
    """The caller is known and may not do this."""

    slug = "forbidden"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever calls, a machine or a person.

    `subject` is what decisions and events record, a key's id for a machine. `peers` are all
    subjects that are the same machine: its keys, old and new.
    """

    subject: str
    kind: Literal["machine", "person"]
    name: str
    scopes: frozenset[Scope]
    peers: frozenset[str] = frozenset()

    @property
    def made_by(self) -> str | None:
        """What a decision records; None for the local principal, who has no key."""
        return None if self == LOCAL else self.subject

    @property
    def visible_makers(self) -> frozenset[str] | None:
        """Whose decisions this principal may see; None is everybody's."""
        return None if "read" in self.scopes else self.peers | {self.subject}


# Everybody on this machine, as long as no key exists and only this machine can connect.
LOCAL = Principal("local", "machine", "local", frozenset(SCOPES))


# Only describes the key in OpenAPI; the gate has read it already.
_bearer = HTTPBearer(
    auto_error=False, scheme_name="key", description="`fenliu keys create` 所发的密钥"
)
_Bearer = Annotated[Any, Security(_bearer)]


class Requires:
    """Dependency that gives the principal, or refuses one that has none of some scopes."""

    def __init__(self, *any_of: Scope) -> None:
        self.any_of = any_of

    async def __call__(self, request: Request, _: _Bearer) -> Principal:
        principal: Principal = request.state.principal
        if self.any_of and principal.scopes.isdisjoint(self.any_of):
            names = " or ".join(self.any_of)
            raise Forbidden(f"this key lacks the scope {names}: use a key that has it")
        return principal


AnyKey = Annotated[Principal, Depends(Requires())]
Predict = Annotated[Principal, Depends(Requires("predict"))]
PredictOrRead = Annotated[Principal, Depends(Requires("predict", "read"))]
Read = Annotated[Principal, Depends(Requires("read"))]
Review = Annotated[Principal, Depends(Requires("review"))]
Orders = Annotated[Principal, Depends(Requires("orders"))]
Admin = Annotated[Principal, Depends(Requires("admin"))]


def is_open(path: str) -> bool:
    """Whether a path is answered without a key."""
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)
