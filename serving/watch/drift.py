"""Drift of the decisions that are stored: read for the command, and in the background for metrics.

Only decisions of the model and policy in force are compared with their profile. Of very many, every
n-th is taken, which tells as much.
"""

import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, and_, func, select
from sqlalchemy.exc import DBAPIError

from fenliu.bundle import Bundle
from fenliu.drift import DRIFTED, INPUTS, Drift, Seen, compare, look_at, profile_of
from fenliu.errors import BundleError
from serving.db import unavailable
from serving.predict.models import decisions
from serving.watch import logs
from serving.watch.metrics import Metrics

WINDOW_DAYS = 7
# Enough for a PSI with an error well below its thresholds.
_SAMPLE = 5000
# The background work rests this long after each text, so that it takes a small part of one core.
_REST_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Stored:
    """The columns of a stored decision that drift needs."""

    text: str
    type_code: str
    action: str


@dataclass(frozen=True, slots=True)
class Window:
    """Stored decisions since some time: those in force, of which `sample`, and other versions'."""

    in_force: int
    other_versions: int
    sample: list[Stored]


def read_window(engine: Engine, bundle: Bundle, days: int) -> Window:
    """Decisions of the last days; raises StoreUnavailable."""
    recent = decisions.c.decided_at >= datetime.now(UTC) - timedelta(days=days)
    in_force = and_(
        decisions.c.model_version == bundle.model_version,
        decisions.c.policy_version == bundle.policy_version,
    )
    columns = (decisions.c.text, decisions.c.type_code, decisions.c.action)
    try:
        with engine.connect() as connection:
            total = connection.scalar(select(func.count()).where(recent)) or 0
            count = connection.scalar(select(func.count()).where(recent, in_force)) or 0
            step = max(1, math.ceil(count / _SAMPLE))
            chosen = decisions.c.id % step == 0
            rows = connection.execute(select(*columns).where(recent, in_force, chosen)).all()
    except DBAPIError as error:
        raise unavailable(error) from error
    return Window(count, total - count, [Stored(*row) for row in rows])


def look(stored: Iterable[Stored], bundle: Bundle) -> Iterator[Seen]:
    """What is compared of each decision."""
    for entry in stored:
        yield look_at(entry.text, entry.type_code, entry.action, bundle.scorer)


class DriftWatch:
    """Computes the drift of the last days again and again, in a thread, and shows it as metrics.

    `seconds` from one time to the next; 0 never computes it.
    """

    def __init__(
        self, engine: Engine, bundle: Callable[[], Bundle], metrics: Metrics, seconds: float
    ) -> None:
        self._engine = engine
        self._bundle = bundle
        self._metrics = metrics
        self._seconds = seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="drift", daemon=True)

    def start(self) -> None:
        """Start, unless it is switched off."""
        if self._seconds:
            self._thread.start()

    def stop(self) -> None:
        """End soon, whatever is under way."""
        self._stopping.set()
        if self._seconds:
            self._thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self._refresh()
            except BundleError as error:
                logs.event("drift_unknown", logging.WARNING, reason=str(error))
            except Exception as error:
                logs.event("drift_failed", logging.ERROR, fault=error)
            self._stopping.wait(self._seconds)

    def _refresh(self) -> None:
        bundle = self._bundle()
        profile = profile_of(bundle)
        window = read_window(self._engine, bundle, WINDOW_DAYS)
        seen = list(look(self._restfully(window.sample), bundle))
        if not self._stopping.is_set():
            self._show(compare(profile, seen, bundle.taxonomy))

    def _restfully(self, stored: Iterable[Stored]) -> Iterator[Stored]:
        for entry in stored:
            if self._stopping.wait(_REST_SECONDS):
                return
            yield entry

    def _show(self, drift: Drift) -> None:
        psi = dict.fromkeys(INPUTS, math.nan) | {shift.input: shift.psi for shift in drift.shifts}
        self._metrics.drifted(psi, drift.decisions, datetime.now(UTC).timestamp())
        level = logging.WARNING if drift.state == DRIFTED else logging.INFO
        rounded: dict[str, Any] = {shift.input: round(shift.psi, 4) for shift in drift.shifts}
        logs.event("drift", level, state=drift.state, decisions=drift.decisions, **rounded)
