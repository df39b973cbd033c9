"""The decision log: a decision is committed before it is answered.

One writer thread takes all decisions that wait and commits them together (group commit), so a
commit's price is shared; each request awaits its own group.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, Engine, insert, or_, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from fenliu.errors import FenliuError, StoreUnavailable
from serving.db import unavailable
from serving.events import publish_all
from serving.predict.events import event_of
from serving.predict.models import decisions
from serving.watch import logs
from serving.watch.metrics import Metrics

# Rows in one transaction at most: a group of this size commits in a few milliseconds.
GROUP = 256


class Overloaded(FenliuError):
    """More decisions wait for the store than the limit allows."""

    slug = "overloaded"


class KeyReused(FenliuError):
    """An idempotency key came back with another request."""

    slug = "idempotency-key-reused"


@dataclass(frozen=True, slots=True)
class Record:
    """One decision as it is stored; the fields are the columns of the table."""

    decision_id: str
    call_id: str | None
    text_sha256: str
    decided_at: datetime
    occurred_at: datetime | None
    caller: str | None
    location: str | None
    text: str
    action: str
    owner: str
    type_code: str
    probability: float
    model_version: str
    policy_version: str
    body: str
    supersedes: str | None = None
    idempotency_key: str | None = None
    request_sha256: str | None = None
    made_by: str | None = None


# What became of one record: stored (it or an earlier decision in its place), or refused.
Outcome = Record | FenliuError


@dataclass(frozen=True, slots=True)
class _Waiting:
    records: Sequence[Record]
    future: asyncio.Future[list[Outcome]]
    loop: asyncio.AbstractEventLoop


class DecisionLog:
    """Stores decisions durably, in the order in which they come."""

    def __init__(self, engine: Engine, queue_limit: int, metrics: Metrics) -> None:
        self._engine = engine
        self._metrics = metrics
        self._limit = queue_limit
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._pending = 0
        self._thread = threading.Thread(target=self._work, name="decision-log", daemon=True)

    def start(self) -> None:
        """Start the writer."""
        self._thread.start()

    def stop(self) -> None:
        """Store all that waits, then end the writer."""
        self._waiting.put(None)
        self._thread.join()

    async def append(self, records: Sequence[Record]) -> list[Outcome]:
        """Store decisions and return them as stored, once they are committed.

        A call whose same text was decided before keeps its first decision, which is returned in
        place of the new one; so does a request that comes again with its idempotency key. A record
        whose key was used for another request becomes KeyReused. Raises Overloaded or
        StoreUnavailable; then none of them is stored.
        """
        # Only the event loop's thread counts up and, through the callback, down.
        if self._pending and self._pending + len(records) > self._limit:
            raise Overloaded("too many calls are waiting for the store: send this one again")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Outcome]] = loop.create_future()
        self._count(len(records))
        self._waiting.put(_Waiting(records, future, loop))
        try:
            return await asyncio.shield(future)
        finally:
            self._count(-len(records))

    def _count(self, more: int) -> None:
        self._pending += more
        self._metrics.waiting(self._pending)

    def _work(self) -> None:
        stopping = False
        while not stopping:
            group = [self._waiting.get()]
            while sum(len(entry.records) for entry in group if entry) < GROUP:
                try:
                    group.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            stopping = None in group
            self._store([entry for entry in group if entry])

    def _store(self, group: list[_Waiting]) -> None:
        if not group:
            return
        records = [record for entry in group for record in entry.records]
        started = perf_counter()
        try:
            stored = self._commit(records)
        except DBAPIError as error:
            _answer(group, unavailable(error))
        except Exception as error:
            logs.event("store_failed", logging.ERROR, fault=error)
            failure = StoreUnavailable("the decision store failed; the log has the details")
            failure.__cause__ = error
            _answer(group, failure)
        else:
            self._metrics.committed(len(records), perf_counter() - started)
            _answer(group, stored)

    def _commit(self, records: Sequence[Record]) -> list[Outcome]:
        try:
            return self._try_commit(records)
        except IntegrityError:
            # Another worker stored a decision on the same call in between; now it can be read.
            return self._try_commit(records)

    def _try_commit(self, records: Sequence[Record]) -> list[Outcome]:
        with self._engine.execution_options(write=True).begin() as connection:
            stored, new = _resolve(records, _earlier(connection, records))
            if new:
                connection.execute(insert(decisions), [_columns(record) for record in new])
                publish_all(connection, map(event_of, new))
        return stored


def _answer(group: list[_Waiting], result: Sequence[Outcome] | Exception) -> None:
    start = 0
    for entry in group:
        end = start + len(entry.records)
        if isinstance(result, Exception):
            _from_thread(entry, entry.future.set_exception, result)
        else:
            _from_thread(entry, entry.future.set_result, list(result[start:end]))
        start = end


def _from_thread(entry: _Waiting, settle: Any, value: Any) -> None:
    def run() -> None:
        if not entry.future.done():
            settle(value)

    # The loop is closed when the server was killed while the request waited.
    if not entry.loop.is_closed():
        entry.loop.call_soon_threadsafe(run)


def _earlier(connection: Connection, records: Iterable[Record]) -> list[Record]:
    """Stored decisions on the calls, or with the keys, of some records; oldest first."""
    call_ids = {record.call_id for record in records if record.call_id is not None}
    keys = {r.idempotency_key for r in records if r.idempotency_key is not None}
    wanted = []
    if call_ids:
        wanted.append(decisions.c.call_id.in_(call_ids))
    if keys:
        wanted.append(decisions.c.idempotency_key.in_(keys))
    if not wanted:
        return []
    found = connection.execute(select(decisions).where(or_(*wanted)).order_by(decisions.c.id))
    return [record_of(row._mapping) for row in found]


def _resolve(
    records: Sequence[Record], earlier: Iterable[Record]
) -> tuple[list[Outcome], list[Record]]:
    """What each record becomes: an earlier decision, a refusal, or a new decision.

    A new decision supersedes the latest one on its call. Returns all outcomes, and the new ones.
    """
    known = _Known(earlier)
    outcomes: list[Outcome] = []
    new: list[Record] = []
    for record in records:
        outcome = known.find(record)
        if outcome is None:
            latest = known.latest_on(record)
            outcome = record if latest is None else replace(record, supersedes=latest)
            known.add(outcome)
            new.append(outcome)
        outcomes.append(outcome)
    return outcomes, new


class _Known:
    """The decisions that a new record may meet, by key and by call."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._by_key: dict[str, Record] = {}
        self._by_text: dict[tuple[str, str], Record] = {}
        self._latest: dict[str, str] = {}
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Take in a decision, later ones after earlier ones."""
        if record.idempotency_key is not None:
            self._by_key[record.idempotency_key] = record
        if record.call_id is not None:
            self._by_text[record.call_id, record.text_sha256] = record
            self._latest[record.call_id] = record.decision_id

    def find(self, record: Record) -> Outcome | None:
        """What an earlier decision makes of a record, or None for a new one."""
        earlier = self._by_key.get(record.idempotency_key or "")
        if earlier is not None:
            if earlier.request_sha256 == record.request_sha256:
                return earlier
            return KeyReused("this Idempotency-Key was sent with another request: take a new one")
        if record.call_id is None:
            return None
        return self._by_text.get((record.call_id, record.text_sha256))

    def latest_on(self, record: Record) -> str | None:
        """The decision that a new one on the same call supersedes."""
        return self._latest.get(record.call_id or "")


def record_of(columns: Any) -> Record:
    """A stored row as a record; times come back in UTC from both databases."""
    values = {name: columns[name] for name in Record.__slots__}
    for name in ("decided_at", "occurred_at"):
        if values[name] is not None and values[name].tzinfo is None:
            values[name] = values[name].replace(tzinfo=UTC)
    return Record(**values)


def _columns(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Record.__slots__}
