"""Which worker delivers what: rows are leased, and come back when a worker dies.

Of several workers on one store only the one that holds the lease delivers a row. A delivery is
due when no earlier one on the same subject is pending, so each call's events stay in order.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Engine,
    RowMapping,
    and_,
    delete,
    literal_column,
    or_,
    select,
    update,
)

from serving.subscriptions.models import deliveries, in_utc, subscriptions

PRUNE_ROWS = 1000
# As a literal: a partial index is not used for a value that comes as a parameter.
PENDING: ColumnElement[str] = literal_column("'pending'")


@dataclass(frozen=True, slots=True)
class Leased:
    """A delivery that this worker has to make before its lease ends."""

    id: int
    subscription_id: str
    event_id: str
    body: str
    url: str
    secret: str
    attempts: int
    retrying_since: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """What an attempt changes; `next_attempt_at` is None where no other follows."""

    leased: Leased
    status: int | None
    error: str | None
    next_attempt_at: datetime | None
    gone: bool = False


class Leases:
    """The deliveries of one store as one worker sees them."""

    def __init__(self, engine: Engine, length: timedelta) -> None:
        self._engine = engine
        self._length = length
        self._holder = uuid.uuid4().hex

    def due(self) -> list[str]:
        """Subscriptions that have something to be delivered now; takes no lock."""
        something = select(deliveries.c.id).where(_due(datetime.now(UTC))).exists()
        with self._engine.connect() as connection:
            return list(
                connection.scalars(
                    select(subscriptions.c.subscription_id).where(
                        subscriptions.c.state == "active",
                        something.where(
                            deliveries.c.subscription_id == subscriptions.c.subscription_id
                        ),
                    )
                )
            )

    def take(self, subscription_id: str, limit: int) -> list[Leased]:
        """Lease up to `limit` deliveries of one subscription, the longest waiting first."""
        now = datetime.now(UTC)
        due = (
            select(deliveries, subscriptions.c.url, subscriptions.c.secret)
            .join(subscriptions)
            .where(
                deliveries.c.subscription_id == subscription_id,
                subscriptions.c.state == "active",
                _due(now),
            )
            .order_by(deliveries.c.next_attempt_at, deliveries.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=deliveries)
        )
        with self._engine.execution_options(write=True).begin() as connection:
            leased = [_leased(row) for row in connection.execute(due).mappings()]
            if leased:
                connection.execute(
                    update(deliveries)
                    .where(deliveries.c.id.in_([entry.id for entry in leased]))
                    .values(leased_by=self._holder, leased_until=now + self._length)
                )
        return leased

    def settle(self, outcomes: Sequence[Settled], released: Sequence[Leased] = ()) -> None:
        """Record what came of deliveries and give those back that were not made.

        A row whose lease has passed to another worker in the meantime stays as it is.
        """
        with self._engine.execution_options(write=True).begin() as connection:
            gone = {outcome.leased.subscription_id for outcome in outcomes if outcome.gone}
            if gone:
                connection.execute(
                    update(subscriptions)
                    .where(subscriptions.c.subscription_id.in_(gone))
                    .values(state="disabled")
                )
            for outcome in outcomes:
                mine = self._mine(outcome.leased)
                connection.execute(update(deliveries).where(mine).values(**_values(outcome)))
            for leased in released:
                free = update(deliveries).where(self._mine(leased))
                connection.execute(free.values(leased_by=None, leased_until=None))

    def prune(self, before: datetime) -> int:
        """Delete some deliveries that succeeded before a time; returns how many."""
        old = (
            select(deliveries.c.id)
            .where(deliveries.c.state == "delivered", deliveries.c.settled_at < before)
            .limit(PRUNE_ROWS)
        )
        with self._engine.execution_options(write=True).begin() as connection:
            return connection.execute(delete(deliveries).where(deliveries.c.id.in_(old))).rowcount

    def _mine(self, leased: Leased) -> ColumnElement[bool]:
        return and_(deliveries.c.id == leased.id, deliveries.c.leased_by == self._holder)


def _due(now: datetime) -> ColumnElement[bool]:
    """Pending, its time come, leased by nobody, and first of its subject."""
    other = deliveries.alias("other")
    before = (
        select(other.c.id)
        .where(
            other.c.subscription_id == deliveries.c.subscription_id,
            other.c.subject == deliveries.c.subject,
            other.c.state == PENDING,
            # A replayed delivery is older than one that may be under way.
            or_(
                other.c.id < deliveries.c.id,
                and_(other.c.id != deliveries.c.id, other.c.leased_until > now),
            ),
        )
        .exists()
    )
    return and_(
        deliveries.c.state == PENDING,
        deliveries.c.next_attempt_at <= now,
        or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= now),
        ~before,
    )


def _leased(row: RowMapping) -> Leased:
    values = {name: row[name] for name in Leased.__slots__}
    return Leased(**values | {"retrying_since": in_utc(row["retrying_since"])})


def _values(outcome: Settled) -> dict[str, object]:
    now = datetime.now(UTC)
    values: dict[str, object] = {
        "attempts": outcome.leased.attempts + 1,
        "last_status": outcome.status,
        "last_error": outcome.error,
        "leased_by": None,
        "leased_until": None,
    }
    if outcome.error is None:
        return values | {"state": "delivered", "settled_at": now}
    if outcome.next_attempt_at is None:
        return values | {"state": "dead", "settled_at": now}
    return values | {"next_attempt_at": outcome.next_attempt_at}
