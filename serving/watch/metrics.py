"""What Prometheus reads at /metrics. Every metric stands in docs/operations.md.

One process keeps its values in memory. Several workers of one service keep them in files of a
shared folder (prometheus-client's multiprocess mode), and whichever worker is asked adds up all.
Labels are declared names and codes only; nothing that a caller sent becomes one.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from fenliu.bundle import Bundle
from fenliu.decision import Decision
from serving.watch.facts import Facts

# The time at which each series began doubles the size of an answer and is used by nobody here.
disable_created_metrics()

_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SCORING_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5)
_COMMIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_GROUP_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
# Labels are routes, methods, statuses, actions, categories and rules: there are never so many.
_SERIES = 4096


class Metrics:
    """The metrics of one application.

    With `shared`, the folder that all workers of the service write to.
    """

    def __init__(self, shared: Path | None = None) -> None:
        own = CollectorRegistry()
        self._facts = Facts()
        self._scraped = own
        if shared is None:
            ProcessCollector(registry=own)
        else:
            self._scraped = CollectorRegistry()
            MultiProcessCollector(self._scraped, str(shared))
        self._scraped.register(self._facts)

        requests = Histogram(
            "fenliu_request_seconds",
            "Time to answer a request.",
            ("method", "route", "status"),
            buckets=_REQUEST_SECONDS,
            registry=own,
        )
        self._scoring = Histogram(
            "fenliu_scoring_seconds",
            "Time to decide on one narrative, the store left out.",
            buckets=_SCORING_SECONDS,
            registry=own,
        )
        decisions = Counter(
            "fenliu_decisions",
            "Decisions stored, by action and category of the type.",
            ("action", "category"),
            registry=own,
        )
        red_flags = Counter(
            "fenliu_red_flags",
            "Red flags raised by stored decisions.",
            ("id", "level"),
            registry=own,
        )
        self._waiting = Gauge(
            "fenliu_decision_log_waiting",
            "Decisions that wait for the store.",
            multiprocess_mode="livesum",
            registry=own,
        )
        self._commit_seconds = Histogram(
            "fenliu_commit_seconds",
            "Time to commit one group of decisions.",
            buckets=_COMMIT_SECONDS,
            registry=own,
        )
        self._commit_size = Histogram(
            "fenliu_commit_decisions",
            "Decisions committed together.",
            buckets=_GROUP_SIZES,
            registry=own,
        )
        self._store_failures = Counter(
            "fenliu_store_failures",
            "Requests that failed because the store could not be read or written.",
            registry=own,
        )
        self._drift = Gauge(
            "fenliu_drift_psi",
            "Population stability index of the last 7 days against the model's profile.",
            ("input",),
            multiprocess_mode="livemostrecent",
            registry=own,
        )
        self._drift_decisions = Gauge(
            "fenliu_drift_decisions",
            "Decisions that the drift was computed from.",
            multiprocess_mode="livemostrecent",
            registry=own,
        )
        self._drift_time = Gauge(
            "fenliu_drift_computed_timestamp_seconds",
            "When the drift was computed last, as Unix time.",
            multiprocess_mode="livemostrecent",
            registry=own,
        )
        # Finding a series by its labels takes longer than counting.
        self._requests = lru_cache(_SERIES)(requests.labels)
        self._decisions = lru_cache(_SERIES)(decisions.labels)
        self._red_flags = lru_cache(_SERIES)(red_flags.labels)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the format that a scraper accepts, and its media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self._scraped), media_type

    def read_at_scrape(self, name: str, meaning: str, read: Callable[[], float | None]) -> None:
        """Add a gauge whose value is read whenever someone scrapes, in a thread of its own.

        None leaves it out of that scrape, as does an error, which is logged. The value must be the
        same whichever worker is asked, as the length of a table is.
        """
        self._facts.add_gauge(name, meaning, read)

    def describe(self, bundle: Callable[[], Bundle]) -> None:
        """Show the versions and the certificate of the bundle in force."""
        self._facts.add_bundle(bundle)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` as it was declared, never the path that was asked for."""
        self._requests(method, route, str(status)).observe(seconds)

    def scored(self, seconds: float) -> None:
        """One narrative was decided on."""
        self._scoring.observe(seconds)

    def decided(self, decision: Decision) -> None:
        """A new decision was stored."""
        self._decisions(decision.action, decision.type.category_code).inc()
        for flag in decision.red_flags:
            self._red_flags(flag.id, flag.level).inc()

    def waiting(self, decisions: int) -> None:
        """So many decisions wait for the store now."""
        self._waiting.set(decisions)

    def committed(self, decisions: int, seconds: float) -> None:
        """A group of decisions was committed."""
        self._commit_size.observe(decisions)
        self._commit_seconds.observe(seconds)

    def store_failed(self) -> None:
        """A request failed because of the store."""
        self._store_failures.inc()

    def drifted(self, psi: dict[str, float], decisions: int, at: float) -> None:
        """Drift was computed at a Unix time; NaN stands for too few decisions to tell."""
        for name, value in psi.items():
            self._drift.labels(name).set(value)
        self._drift_decisions.set(decisions)
        self._drift_time.set(at)
