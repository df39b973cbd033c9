"""All keys in memory, so that a request does not ask the database who is calling.

The whole table, a few dozen rows, is read again when it is older than REFRESH_SECONDS, so a new
key works and a revoked one stops working within that time, in every process. Guessed keys cost no
query.
"""

import asyncio
import time
from collections import defaultdict
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool

from serving.auth import Principal
from serving.db import unavailable
from serving.keys.service import Key, read_keys
from serving.keys.token import parse_token

REFRESH_SECONDS = 2.0


class KeyRing:
    """Knows every key; raises StoreUnavailable where the keys cannot be read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = asyncio.Lock()
        self._read()

    @property
    def has_keys(self) -> bool:
        """Whether a key was ever given out, as of the last reading."""
        return bool(self._keys)

    async def refresh(self) -> None:
        """Read the keys again if they may be out of date."""
        if not self._is_old():
            return
        async with self._lock:
            if self._is_old():
                await run_in_threadpool(self._read)

    def principal(self, text: str) -> Principal | None:
        """Whoever holds a key; None for a text that is no key in force."""
        token = parse_token(text)
        key = self._keys.get(token.key_id) if token else None
        if token is None or key is None or not token.matches(key.secret_sha256):
            return None
        if key.state(datetime.now(UTC)) != "active":
            return None
        return Principal(key.key_id, "machine", key.name, key.scopes, self._peers[key.name])

    def _is_old(self) -> bool:
        return time.monotonic() - self._read_at >= REFRESH_SECONDS

    def _read(self) -> None:
        try:
            with self._engine.connect() as connection:
                keys = read_keys(connection)
        except DBAPIError as error:
            raise unavailable(error) from error
        self._keys = {key.key_id: key for key in keys}
        self._peers = _ids_by_name(keys)
        self._read_at = time.monotonic()


def _ids_by_name(keys: list[Key]) -> dict[str, frozenset[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for key in keys:
        found[key.name].add(key.key_id)
    return {name: frozenset(ids) for name, ids in found.items()}
