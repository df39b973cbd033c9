"""`fenliu keys`: what an administrator sees in the terminal."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table

from serving.db import open_database
from serving.keys.ring import REFRESH_SECONDS
from serving.keys.service import Key, create_key, last_decision, read_keys, revoke_key
from serving.settings import Settings


def create(settings: Settings, name: str, scopes: Sequence[str], days: int | None) -> None:
    """Print a new key on standard output, alone, and what it is on standard error."""
    engine = open_database(settings.database_url)
    token, key = create_key(engine, name, scopes, days)
    engine.dispose()
    until = f" until {_shown(key.expires_at)}" if key.expires_at else ""
    print(token.text())
    print(
        f"Key {key.key_id} ({key.name}) may {', '.join(sorted(key.scopes))}{until}. Keep it now: "
        f"only its hash is stored. It works within {REFRESH_SECONDS:g} s.",
        file=sys.stderr,
    )


def show(settings: Settings) -> None:
    """Print all keys, without their secrets."""
    engine = open_database(settings.database_url)
    table = Table(box=box.SIMPLE, pad_edge=False)
    for heading in ("id", "name", "scopes", "created", "expires", "state", "last decision"):
        folds = heading in ("name", "scopes")
        table.add_column(heading, no_wrap=not folds, overflow="fold" if folds else "ellipsis")
    with engine.connect() as connection:
        for key in read_keys(connection):
            last = last_decision(connection, key.key_id)
            table.add_row(*_cells(key), _shown(last)[:10])
    engine.dispose()
    Console().print(table if table.row_count else "No key exists.")


def revoke(settings: Settings, key_id: str) -> None:
    """Revoke a key and say so."""
    engine = open_database(settings.database_url)
    key = revoke_key(engine, key_id)
    engine.dispose()
    print(
        f"Key {key.key_id} ({key.name}) is revoked since {_shown(key.revoked_at)}; a running "
        f"service refuses it within {REFRESH_SECONDS:g} s."
    )


def _cells(key: Key) -> tuple[str, ...]:
    scopes = " ".join(sorted(key.scopes))
    state = key.state(datetime.now(UTC))
    created, expires = _shown(key.created_at)[:10], _shown(key.expires_at)[:10]
    return key.key_id, key.name, scopes, created, expires, state


def _shown(time: datetime | None) -> str:
    """A time in UTC, its date in the first ten characters."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ") if time else "–"
