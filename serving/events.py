"""The outbox: events that leave the house are stored in the transaction they tell of.

Each event becomes one row of `deliveries` for each subscription that takes its type, so an event
is sent if and only if its decision was committed. Where nobody has subscribed nothing is stored:
the decisions themselves are the archive, the outbox only holds what somebody waits for.
"""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, insert, select

from serving.subscriptions.models import deliveries, subscriptions

EventType = Literal["decision.made", "decision.revised"]
SOURCE = "urn:fenliu"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a call.

    Events of one `subject` reach a subscriber in the order in which they were published. `data`
    must never hold a narrative, a caller or a location.
    """

    type: EventType
    subject: str
    time: datetime
    data: Mapping[str, Any]
    event_id: str = field(default_factory=lambda: uuid.uuid4().hex)


def publish(connection: Connection, event: Event) -> None:
    """Store an event for its subscribers in the transaction of `connection`."""
    publish_all(connection, (event,))


def publish_all(connection: Connection, events: Iterable[Event]) -> None:
    """Store events for their subscribers, at the price of one small query where there are none.

    `events` is read only when somebody has subscribed, so a generator costs nothing before.
    """
    takers = connection.execute(
        select(subscriptions.c.subscription_id, subscriptions.c.event_types).where(
            subscriptions.c.state != "disabled"
        )
    ).all()
    if not takers:
        return
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    for event in events:
        ids = [taken_by for taken_by, types in takers if not types or event.type in types.split()]
        if ids:
            common = _columns(event, now)
            rows += [
                common | {"delivery_id": uuid.uuid4().hex, "subscription_id": taken_by}
                for taken_by in ids
            ]
    if rows:
        connection.execute(insert(deliveries), rows)


def cloud_event(event: Event) -> str:
    """An event as CloudEvents 1.0 in structured JSON."""
    envelope = {
        "specversion": "1.0",
        "id": event.event_id,
        "source": SOURCE,
        "type": event.type,
        "subject": event.subject,
        "time": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": dict(event.data),
    }
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))


def _columns(event: Event, now: datetime) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "event_type": event.type,
        "subject": event.subject,
        "body": cloud_event(event),
        "state": "pending",
        "attempts": 0,
        "created_at": now,
        "retrying_since": now,
        "next_attempt_at": now,
    }
