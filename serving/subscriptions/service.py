"""Subscriptions and what was delivered to them. Knows no HTTP."""

import base64
import secrets
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError

from fenliu.errors import InvalidInput, NotFound
from serving.db import unavailable
from serving.subscriptions.models import deliveries, in_utc, subscriptions
from serving.subscriptions.targets import TargetRules

SECRET_BYTES = 32


class SubscriptionService:
    """Who is told of events, and what became of each telling."""

    def __init__(self, engine: Engine, rules: TargetRules) -> None:
        self._engine = engine
        self._rules = rules

    def create(
        self, url: str, event_types: Sequence[str] | None, description: str | None
    ) -> dict[str, Any]:
        """Subscribe a URL; the answer holds the secret, which is shown at no other time.

        Raises InvalidInput for a URL that webhooks may not go to.
        """
        self._rules.check(url)
        row = {
            "subscription_id": uuid.uuid4().hex,
            "url": url,
            "event_types": " ".join(dict.fromkeys(event_types)) if event_types else None,
            "description": description,
            "secret": f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}",
            "state": "active",
            "created_at": datetime.now(UTC),
        }
        with self._writing() as connection:
            connection.execute(insert(subscriptions).values(row))
        return _subscription(row) | {"secret": row["secret"]}

    def all(self) -> list[dict[str, Any]]:
        """All subscriptions, oldest first."""
        with self._reading() as connection:
            rows = connection.execute(select(subscriptions).order_by(subscriptions.c.id))
            return [_subscription(row) for row in rows.mappings()]

    def find(self, subscription_id: str) -> dict[str, Any]:
        """One subscription; raises NotFound."""
        with self._reading() as connection:
            return _subscription(_find(connection, subscription_id))

    def delete(self, subscription_id: str) -> None:
        """End a subscription and drop what was still to be delivered; raises NotFound."""
        with self._writing() as connection:
            _find(connection, subscription_id)
            # SQLite does not cascade unless told to on every connection.
            for table in (deliveries, subscriptions):
                connection.execute(delete(table).where(table.c.subscription_id == subscription_id))

    def pause(self, subscription_id: str) -> dict[str, Any]:
        """Hold deliveries back; events are still collected. Raises NotFound."""
        with self._writing() as connection:
            return _set_state(connection, subscription_id, "paused")

    def resume(self, subscription_id: str) -> dict[str, Any]:
        """Deliver again, what waits at once and with its full time for retries; raises NotFound."""
        with self._writing() as connection:
            found = _set_state(connection, subscription_id, "active")
            _make_due(connection, subscription_id, deliveries.c.state == "pending")
        return found

    def deliveries(
        self, subscription_id: str, state: str | None, limit: int, before: str | None
    ) -> list[dict[str, Any]]:
        """Deliveries to a subscription, newest first, older than the delivery `before`."""
        wanted = select(deliveries).where(deliveries.c.subscription_id == subscription_id)
        if state:
            wanted = wanted.where(deliveries.c.state == state)
        with self._reading() as connection:
            _find(connection, subscription_id)
            if before:
                wanted = wanted.where(deliveries.c.id < _place(connection, before))
            rows = connection.execute(wanted.order_by(deliveries.c.id.desc()).limit(limit))
            return [_delivery(row) for row in rows.mappings()]

    def replay(self, subscription_id: str, delivery_id: str) -> dict[str, Any]:
        """Deliver once more, whatever came of it before; raises NotFound."""
        same = deliveries.c.delivery_id == delivery_id
        with self._writing() as connection:
            _make_due(connection, subscription_id, same)
            row = connection.execute(
                select(deliveries).where(deliveries.c.subscription_id == subscription_id, same)
            )
            found = row.mappings().first()
        if found is None:
            raise NotFound("this subscription has no such delivery: delivered ones are kept 7 days")
        return _delivery(found)

    def replay_dead(self, subscription_id: str) -> int:
        """Deliver all dead letters once more; returns how many. Raises NotFound."""
        with self._writing() as connection:
            _find(connection, subscription_id)
            return _make_due(connection, subscription_id, deliveries.c.state == "dead")

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise unavailable(error) from error

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._engine.execution_options(write=True).begin() as connection:
                yield connection
        except DBAPIError as error:
            raise unavailable(error) from error


def _find(connection: Connection, subscription_id: str) -> RowMapping:
    found = connection.execute(
        select(subscriptions).where(subscriptions.c.subscription_id == subscription_id)
    )
    row = found.mappings().first()
    if row is None:
        raise NotFound("no subscription has this id: GET /v1/subscriptions lists all")
    return row


def _set_state(connection: Connection, subscription_id: str, state: str) -> dict[str, Any]:
    connection.execute(
        update(subscriptions)
        .where(subscriptions.c.subscription_id == subscription_id)
        .values(state=state)
    )
    return _subscription(_find(connection, subscription_id))


def _make_due(connection: Connection, subscription_id: str, which: ColumnElement[bool]) -> int:
    """Let deliveries begin anew; those under way are left to the worker that holds them."""
    now = datetime.now(UTC)
    done = connection.execute(
        update(deliveries)
        .where(
            deliveries.c.subscription_id == subscription_id,
            which,
            or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= now),
        )
        .values(
            state="pending", attempts=0, retrying_since=now, next_attempt_at=now, settled_at=None
        )
    )
    return done.rowcount


def _place(connection: Connection, delivery_id: str) -> int:
    found = connection.scalar(
        select(deliveries.c.id).where(deliveries.c.delivery_id == delivery_id)
    )
    if found is None:
        raise InvalidInput("before", "names no delivery: use `next` of the page before")
    return int(found)


def _subscription(row: RowMapping | dict[str, Any]) -> dict[str, Any]:
    return {
        "subscription_id": row["subscription_id"],
        "url": row["url"],
        "event_types": row["event_types"].split() if row["event_types"] else None,
        "description": row["description"],
        "state": row["state"],
        "created_at": in_utc(row["created_at"]),
    }


def _delivery(row: RowMapping) -> dict[str, Any]:
    names = ("delivery_id", "event_id", "event_type", "subject", "state", "attempts")
    settled = row["settled_at"]
    return {
        **{name: row[name] for name in names},
        "created_at": in_utc(row["created_at"]),
        "next_attempt_at": in_utc(row["next_attempt_at"]) if row["state"] == "pending" else None,
        "settled_at": in_utc(settled) if settled else None,
        "last_status": row["last_status"],
        "last_error": row["last_error"],
    }
