"""What the outside learns of a decision."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from serving.events import Event

if TYPE_CHECKING:
    from serving.predict.log import Record


def event_of(record: Record) -> Event:
    """The event that a new decision is; a call without an id is known by its decision."""
    return Event(
        type="decision.revised" if record.supersedes else "decision.made",
        subject=record.call_id or record.decision_id,
        time=record.decided_at,
        data={
            "decision_id": record.decision_id,
            "call_id": record.call_id,
            "supersedes": record.supersedes,
            "action": record.action,
            "type_code": record.type_code,
            "owner": record.owner,
            "probability": record.probability,
            "model_version": record.model_version,
            "policy_version": record.policy_version,
            "taxonomy_version": json.loads(record.body)["taxonomy_version"],
        },
    )
