"""Giving out, listing and revoking keys. Knows no HTTP."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from fenliu.errors import InvalidInput, NotFound
from serving.auth import SCOPES, Scope
from serving.keys.models import api_keys
from serving.keys.token import Token, new_token
from serving.predict.models import decisions

MAX_NAME = 64
MAX_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored; times are UTC."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    secret_sha256: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active"


def create_key(
    engine: Engine, name: str, scopes: Sequence[str], days: int | None = None
) -> tuple[Token, Key]:
    """A new key and what is stored of it; the token is in no other place.

    Raises InvalidInput for a name, scope or number of days that cannot be taken.
    """
    token = new_token()
    now = datetime.now(UTC)
    key = Key(
        key_id=token.key_id,
        name=_checked_name(name),
        scopes=_checked_scopes(scopes),
        secret_sha256=token.digest(),
        created_at=now,
        expires_at=None if days is None else now + _checked_days(days),
        revoked_at=None,
    )
    columns = {column: getattr(key, column) for column in Key.__slots__}
    columns["scopes"] = " ".join(scope for scope in SCOPES if scope in key.scopes)
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(insert(api_keys).values(**columns))
    return token, key


def read_keys(connection: Connection) -> list[Key]:
    """All keys that were ever given out, oldest first."""
    return [_key(row._mapping) for row in connection.execute(select(api_keys).order_by("id"))]


def revoke_key(engine: Engine, key_id: str) -> Key:
    """Make a key worthless; one that was revoked before stays so. Raises NotFound."""
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(
            update(api_keys)
            .where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC))
        )
        row = connection.execute(select(api_keys).where(api_keys.c.key_id == key_id)).first()
    if row is None:
        raise NotFound("no key has this id: `fenliu keys list` shows them")
    return _key(row._mapping)


def last_decision(connection: Connection, key_id: str) -> datetime | None:
    """When the latest decision was made with a key; None where there is none."""
    latest = select(func.max(decisions.c.decided_at)).where(decisions.c.made_by == key_id)
    return _utc(connection.execute(latest).scalar())


def _checked_name(name: str) -> str:
    if not name.strip() or len(name) > MAX_NAME:
        raise InvalidInput("--name", f"must have 1 to {MAX_NAME} characters")
    if any(unicodedata.category(character).startswith("C") for character in name):
        raise InvalidInput("--name", "has an invisible character: remove it")
    return name.strip()


def _checked_scopes(scopes: Sequence[str]) -> frozenset[Scope]:
    if not scopes:
        raise InvalidInput("--scope", f"is missing: give one or more of {', '.join(SCOPES)}")
    if not set(scopes) <= set(SCOPES):
        raise InvalidInput("--scope", f"must be one of {', '.join(SCOPES)}")
    return frozenset(scope for scope in SCOPES if scope in scopes)


def _checked_days(days: int) -> timedelta:
    if not 1 <= days <= MAX_DAYS:
        raise InvalidInput("--expires", f"must be 1 to {MAX_DAYS} days")
    return timedelta(days=days)


def _key(row: Any) -> Key:
    values = {name: row[name] for name in Key.__slots__}
    for name in ("created_at", "expires_at", "revoked_at"):
        values[name] = _utc(values[name])
    # A scope that this version does not know gives nothing.
    values["scopes"] = frozenset(scope for scope in SCOPES if scope in row["scopes"].split())
    return Key(**values)


def _utc(time: datetime | None) -> datetime | None:
    """A stored time; SQLite gives it back without its zone."""
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time
