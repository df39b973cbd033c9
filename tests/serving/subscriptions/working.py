"""Workers and events for the tests of delivery."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from serving.events import Event, publish
from serving.subscriptions.retry import RetryPlan
from serving.subscriptions.sending import Sender
from serving.subscriptions.service import SubscriptionService
from serving.subscriptions.targets import TargetRules
from serving.subscriptions.worker import DeliveryWorker

LOOPBACK = TargetRules.parse("127.0.0.0/8")
QUICK = RetryPlan(first=timedelta(milliseconds=20), longest=timedelta(milliseconds=100))
HOPELESS = RetryPlan(period=timedelta(0))


@contextmanager
def working(
    engine: Engine,
    plan: RetryPlan = QUICK,
    rules: TargetRules = LOOPBACK,
    timeout: float = 10,
    lease: float = 60,
) -> Iterator[None]:
    """A worker in a thread of its own, stopped in good order at the end."""
    begun, stop = threading.Event(), threading.Event()

    async def work() -> None:
        sender = Sender(rules, timedelta(seconds=timeout))
        worker = DeliveryWorker(engine, sender, plan, timedelta(seconds=lease), 0.02)
        async with worker.running():
            begun.set()
            await asyncio.to_thread(stop.wait)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(asyncio.run, work())
        begun.wait(10)
        try:
            yield
        finally:
            stop.set()
            done.result()


def subscribe(engine: Engine, url: str, **given: Any) -> dict[str, Any]:
    given = {"event_types": None, "description": None} | given
    return SubscriptionService(engine, LOOPBACK).create(url, **given)


def deliveries(engine: Engine, subscription: dict[str, Any]) -> list[dict[str, Any]]:
    """All deliveries to a subscription, oldest first."""
    service = SubscriptionService(engine, LOOPBACK)
    return service.deliveries(subscription["subscription_id"], None, 500, None)[::-1]


def states(engine: Engine, subscription: dict[str, Any]) -> list[str]:
    return [delivery["state"] for delivery in deliveries(engine, subscription)]


def emit(engine: Engine, *subjects: str) -> None:
    """Publish one event for each subject, numbered in `data`."""
    with engine.execution_options(write=True).begin() as connection:
        for number, subject in enumerate(subjects):
            data = {"number": number}
            publish(connection, Event("decision.made", subject, datetime.now(UTC), data))
