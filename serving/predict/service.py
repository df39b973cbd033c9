"""Deciding on calls and finding decisions again. Knows no HTTP."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from fenliu.classifier import Classifier
from fenliu.errors import InvalidInput, NotFound
from serving.db import unavailable
from serving.predict.log import DecisionLog, Record, record_of
from serving.predict.models import decisions
from serving.predict.schemas import CallIn


class PredictService:
    """Decides with one classifier and answers only what is stored."""

    def __init__(self, classifier: Classifier, log: DecisionLog, engine: Engine) -> None:
        self.classifier = classifier
        self._log = log
        self._engine = engine

    async def decide(self, call: CallIn, made_by: str | None = None) -> Record:
        """Decide on one call; the decision is stored when this returns."""
        (stored,) = await self._log.append([self._record(call, made_by)])
        return stored

    async def decide_all(
        self, calls: Sequence[CallIn | InvalidInput], made_by: str | None = None
    ) -> list[Record | InvalidInput]:
        """Decide on many calls; an error in the place of a call stays in its place."""
        outcomes: list[Record | InvalidInput] = []
        for place, call in enumerate(calls):
            outcomes.append(self._try_record(call, place, made_by))
            await asyncio.sleep(0)  # others are answered between two rows of a long batch
        good = [outcome for outcome in outcomes if isinstance(outcome, Record)]
        stored = iter(await self._log.append(good) if good else [])
        return [next(stored) if isinstance(o, Record) else o for o in outcomes]

    def find(self, decision_id: str, makers: Collection[str] | None = None) -> Record:
        """A stored decision, of some makers only where they are given; raises NotFound."""
        wanted = select(decisions).where(decisions.c.decision_id == decision_id)
        if makers is not None:
            wanted = wanted.where(decisions.c.made_by.in_(makers))
        try:
            with self._engine.connect() as connection:
                row = connection.execute(wanted).first()
        except DBAPIError as error:
            raise unavailable(error) from error
        if row is None:
            raise NotFound("no decision has this id: use the decision_id of an answer")
        return record_of(row._mapping)

    def _try_record(
        self, call: CallIn | InvalidInput, place: int, made_by: str | None
    ) -> Record | InvalidInput:
        if isinstance(call, InvalidInput):
            return call
        try:
            return self._record(call, made_by)
        except InvalidInput as error:
            return type(error)(f"calls[{place}].{error.field}", error.message)

    def _record(self, call: CallIn, made_by: str | None) -> Record:
        decision = self.classifier.decide(call.text)
        return Record(
            decision_id=uuid.uuid4().hex,
            call_id=call.call_id,
            text_sha256=hashlib.sha256(call.text.encode()).hexdigest(),
            decided_at=datetime.now(UTC),
            occurred_at=call.occurred_at.astimezone(UTC) if call.occurred_at else None,
            caller=call.caller,
            location=call.location,
            text=call.text,
            action=decision.action,
            owner=decision.owner,
            type_code=decision.type.code,
            probability=decision.type.probability,
            model_version=decision.model_version,
            policy_version=decision.policy_version,
            body=json.dumps(decision.as_dict(), ensure_ascii=False, separators=(",", ":")),
            made_by=made_by,
        )


def answer_of(record: Record) -> bytes:
    """JSON of a stored decision as it is answered."""
    head = {
        "decision_id": record.decision_id,
        "call_id": record.call_id,
        "supersedes": record.supersedes,
        "decided_at": record.decided_at.isoformat().replace("+00:00", "Z"),
    }
    start = json.dumps(head, ensure_ascii=False, separators=(",", ":"))
    return f"{start[:-1]},{record.body[1:]}".encode()
