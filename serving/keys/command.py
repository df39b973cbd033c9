"""`fenliu keys`: what an administrator sees in the terminal."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

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
    table = Table("id", "name", "scopes", "created", "expires", "state", "last decision")
    with engine.connect() as connection:
        for key in read_keys(connection):
            last = last_decision(connection, key.key_id)
            table.add_row(*_cells(key), _shown(last))
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
    return key.key_id, key.name, scopes, _shown(key.created_at), _shown(key.expires_at), state


def _shown(time: datetime | None) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ") if time else "–"
