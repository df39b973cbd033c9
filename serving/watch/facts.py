"""Metrics that nobody counts: they are looked up at the moment of a scrape."""

import logging
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from fenliu import __version__
from fenliu.bundle import Bundle
from serving.watch import logs

Reading = Callable[[], Iterable[Metric]]

# Fact of a certificate: its metric's meaning. The certificate of a city that diverts nothing has
# only some of them.
_CERTIFICATE = {
    "certified": "1 where the divert threshold is certified, else 0: then nothing is diverted.",
    "provisional": "1 until a city has certified the policy on calls of its own, else 0.",
    "alpha": "Largest share of police matters among the diverted that the certificate allows.",
    "upper_bound": "Share of police matters among the diverted that is excluded from above.",
}


class Facts(Collector):
    """Reads all facts anew for each scrape; one that cannot be read is left out and logged."""

    def __init__(self) -> None:
        self._readings: list[Reading] = []

    def collect(self) -> Iterator[Metric]:
        """The facts as they are now."""
        for reading in self._readings:
            try:
                yield from list(reading())
            except Exception as error:
                logs.event("metric_unreadable", logging.WARNING, fault=error)

    def add_gauge(self, name: str, meaning: str, read: Callable[[], float | None]) -> None:
        """Add one number."""

        def reading() -> Iterator[Metric]:
            value = read()
            if value is not None:
                yield GaugeMetricFamily(name, meaning, value)

        self._readings.append(reading)

    def add_bundle(self, bundle: Callable[[], Bundle]) -> None:
        """Add versions, threshold and certificate of the bundle in force."""
        self._readings.append(lambda: _bundle_facts(bundle()))


def _bundle_facts(bundle: Bundle) -> Iterator[Metric]:
    versions = {
        "version": __version__,
        "model_version": bundle.model_version,
        "policy_version": bundle.policy_version,
        "taxonomy_version": bundle.taxonomy.version,
    }
    yield InfoMetricFamily("fenliu_bundle", "Versions in force.", versions)
    threshold = bundle.policy.divert_threshold
    yield GaugeMetricFamily(
        "fenliu_divert_threshold", "Probability from which a call is diverted.", threshold
    )
    certificate = {"certified": False} | bundle.policy.certificate
    for fact, meaning in _CERTIFICATE.items():
        if fact in certificate:
            name = f"fenliu_certificate_{fact}"
            yield GaugeMetricFamily(name, meaning, float(certificate[fact]))
