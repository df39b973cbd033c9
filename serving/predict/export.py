"""Stored decisions for use outside the service: without the caller, personal numbers masked."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from fenliu.masking import mask
from serving.db import unavailable
from serving.predict.log import Record, record_of
from serving.predict.models import decisions

_PAGE = 1000


def exported(
    engine: Engine, since: datetime | None = None, until: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Decisions made from `since` on and before `until`, oldest first; raises StoreUnavailable."""
    last = 0
    while True:
        wanted = select(decisions).where(decisions.c.id > last).order_by(decisions.c.id)
        if since is not None:
            wanted = wanted.where(decisions.c.decided_at >= since)
        if until is not None:
            wanted = wanted.where(decisions.c.decided_at < until)
        try:
            with engine.connect() as connection:
                rows = connection.execute(wanted.limit(_PAGE)).all()
        except DBAPIError as error:
            raise unavailable(error) from error
        for row in rows:
            last = row.id
            yield masked_document(record_of(row._mapping))
        if len(rows) < _PAGE:
            return


def masked_document(record: Record) -> dict[str, Any]:
    """A decision with its call. Pieces of the text are cut from the masked text, place by place."""
    text = mask(record.text)
    body = json.loads(record.body)
    for piece in (*body["reasons"], *body["red_flags"]):
        piece["text"] = text[piece["start"] : piece["end"]]
    return {
        "decision_id": record.decision_id,
        "call_id": record.call_id,
        "supersedes": record.supersedes,
        "decided_at": _time(record.decided_at),
        "occurred_at": _time(record.occurred_at),
        "made_by": record.made_by,
        "text": text,
        "location": None if record.location is None else mask(record.location),
        **body,
    }


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")
