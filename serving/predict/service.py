"""Deciding on calls and finding decisions again. Knows no HTTP."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from fenliu.classifier import Classifier
from fenliu.decision import Decision
from fenliu.errors import InvalidInput, NotFound
from serving.db import unavailable
from serving.predict.log import DecisionLog, Record, record_of
from serving.predict.models import decisions
from serving.predict.schemas import CallIn
from serving.watch import logs
from serving.watch.metrics import Metrics


@dataclass(frozen=True, slots=True)
class _Decided:
    record: Record
    decision: Decision


class PredictService:
    """Decides with one classifier and answers only what is stored."""

    def __init__(
        self, classifier: Classifier, log: DecisionLog, engine: Engine, metrics: Metrics
    ) -> None:
        self.classifier = classifier
        self._log = log
        self._engine = engine
        self._metrics = metrics

    async def decide(self, call: CallIn) -> Record:
        """Decide on one call; the decision is stored when this returns."""
        (stored,) = await self._store([self._decide(call)])
        logs.note(decision_id=stored.decision_id, action=stored.action)
        return stored

    async def decide_all(
        self, calls: Sequence[CallIn | InvalidInput]
    ) -> list[Record | InvalidInput]:
        """Decide on many calls; an error in the place of a call stays in its place."""
        outcomes = [self._try_decide(call, place) for place, call in enumerate(calls)]
        good = [outcome for outcome in outcomes if isinstance(outcome, _Decided)]
        stored = iter(await self._store(good) if good else [])
        logs.note(decisions=len(good), refused=len(outcomes) - len(good))
        return [next(stored) if isinstance(o, _Decided) else o for o in outcomes]

    async def _store(self, decided: Sequence[_Decided]) -> list[Record]:
        stored = await self._log.append([entry.record for entry in decided])
        for entry, kept in zip(decided, stored, strict=True):
            # A repeated call keeps its first decision, which has been counted before.
            if kept.decision_id == entry.record.decision_id:
                self._metrics.decided(entry.decision)
        return stored

    def find(self, decision_id: str) -> Record:
        """A stored decision; raises NotFound."""
        try:
            with self._engine.connect() as connection:
                row = connection.execute(
                    select(decisions).where(decisions.c.decision_id == decision_id)
                ).first()
        except DBAPIError as error:
            raise unavailable(error) from error
        if row is None:
            raise NotFound("no decision has this id: use the decision_id of an answer")
        return record_of(row._mapping)

    def _try_decide(self, call: CallIn | InvalidInput, place: int) -> _Decided | InvalidInput:
        if isinstance(call, InvalidInput):
            return call
        try:
            return self._decide(call)
        except InvalidInput as error:
            return type(error)(f"calls[{place}].{error.field}", error.message)

    def _decide(self, call: CallIn) -> _Decided:
        started = perf_counter()
        decision = self.classifier.decide(call.text)
        self._metrics.scored(perf_counter() - started)
        record = Record(
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
        )
        return _Decided(record, decision)


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
