"""Deciding on calls and finding decisions again. Knows no HTTP."""

import asyncio
import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Protocol

from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from fenliu.classifier import Classifier
from fenliu.decision import Decision
from fenliu.errors import FenliuError, InvalidInput, NotFound
from serving.db import unavailable
from serving.identifiers import new_id
from serving.predict.log import DecisionLog, Outcome, Record, record_of
from serving.predict.models import decisions
from serving.watch import logs
from serving.watch.metrics import Metrics

# Calls of a batch decided at one go; then others get their turn.
TURN = 16


class Call(Protocol):
    """What is needed of a call, however it came."""

    @property
    def text(self) -> str: ...
    @property
    def call_id(self) -> str | None: ...
    @property
    def occurred_at(self) -> datetime | None: ...
    @property
    def caller(self) -> str | None: ...
    @property
    def location(self) -> str | None: ...


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

    async def decide(
        self, call: Call, made_by: str | None = None, key: str | None = None
    ) -> Record:
        """Decide on one call; the decision is stored when this returns.

        `made_by` is who asks, `key` the sender's idempotency key. Raises InvalidInput, KeyReused,
        Overloaded or StoreUnavailable.
        """
        (outcome,) = await self._store([self._decide(call, made_by, key)])
        if isinstance(outcome, FenliuError):
            raise outcome
        logs.note(decision_id=outcome.decision_id, action=outcome.action)
        return outcome

    async def decide_all(
        self,
        calls: Sequence[Call | InvalidInput],
        made_by: str | None = None,
        key: str | None = None,
        where: str = "calls",
        first: int = 0,
    ) -> list[Outcome]:
        """Decide on many calls; an error in the place of a call stays in its place.

        With an idempotency key the n-th call has the key `key#n`. Errors name a call `where[n]`,
        counted from `first`.
        """
        outcomes: list[_Decided | InvalidInput] = []
        for place, call in enumerate(calls):
            row_key = f"{key}#{place}" if key else None
            outcomes.append(self._try_decide(call, f"{where}[{first + place}]", made_by, row_key))
            if place % TURN == TURN - 1:
                await asyncio.sleep(0)
        good = [outcome for outcome in outcomes if isinstance(outcome, _Decided)]
        stored = iter(await self._store(good) if good else [])
        logs.note(decisions=first + len(good), refused=len(outcomes) - len(good))
        return [next(stored) if isinstance(o, _Decided) else o for o in outcomes]

    async def _store(self, decided: Sequence[_Decided]) -> list[Outcome]:
        outcomes = await self._log.append([entry.record for entry in decided])
        for entry, kept in zip(decided, outcomes, strict=True):
            # A repeated call keeps its first decision, which has been counted before.
            if isinstance(kept, Record) and kept.decision_id == entry.record.decision_id:
                self._metrics.decided(entry.decision)
        return outcomes

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

    def _try_decide(
        self, call: Call | InvalidInput, where: str, made_by: str | None, key: str | None
    ) -> _Decided | InvalidInput:
        if isinstance(call, InvalidInput):
            return call
        try:
            return self._decide(call, made_by, key)
        except InvalidInput as error:
            return type(error)(f"{where}.{error.field}", error.message)

    def _decide(self, call: Call, made_by: str | None, key: str | None) -> _Decided:
        started = perf_counter()
        decision = self.classifier.decide(call.text)
        self._metrics.scored(perf_counter() - started)
        record = Record(
            decision_id=new_id(),
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
            body=decision.as_json().decode(),
            # Two senders may choose the same key without knowing of each other.
            idempotency_key=f"{made_by or ''}:{key}" if key else None,
            request_sha256=_digest(call) if key else None,
            made_by=made_by,
        )
        return _Decided(record, decision)


def _digest(call: Call) -> str:
    parts = (call.text, call.call_id, call.occurred_at, call.caller, call.location)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


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
