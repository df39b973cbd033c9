"""The decision log: group commit against one transaction a request, and against no log at all."""

import asyncio
import tempfile
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.report import Report
from serving.db import open_database
from serving.predict.log import DecisionLog, Record
from serving.watch.metrics import Metrics

ROUNDS = 5
REQUESTS = 2000
CLIENTS = 16


def run(report: Report) -> None:
    """Measure both in turn and note the ratio."""
    grouped, single = [], []
    for _ in range(ROUNDS):
        grouped.append(asyncio.run(_rate(CLIENTS)))
        single.append(asyncio.run(_rate(1)))
    report.ratio(
        "group commit/one transaction a request",
        median(grouped) / median(single),
        1.5,
        f"{median(grouped):,.0f} against {median(single):,.0f} decisions a second, "
        f"SQLite WAL synchronous=FULL, {CLIENTS} at once against 1",
    )


async def _rate(clients: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{Path(folder) / 'f.db'}")
        log = DecisionLog(engine, 10_000, Metrics(None))
        log.start()
        started = time.perf_counter()
        await asyncio.gather(*(_client(log, REQUESTS // clients) for _ in range(clients)))
        seconds = time.perf_counter() - started
        log.stop()
    return REQUESTS / seconds


async def _client(log: DecisionLog, requests: int) -> None:
    for _ in range(requests):
        await log.append([replace(_RECORD, decision_id=uuid.uuid4().hex)])


_RECORD = Record(
    decision_id="",
    call_id=None,
    text_sha256="0" * 64,
    decided_at=datetime.now(UTC),
    occurred_at=None,
    caller=None,
    location=None,
    text="报警人称老板欠三个月工钱不给",
    action="divert",
    owner="mediation_centre",
    type_code="0601",
    probability=0.99,
    model_version="m-000000000000",
    policy_version="p-000000000000",
    body="{" + "x" * 1500 + "}",
)
