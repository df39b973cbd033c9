"""The part of the service that delivers: each receiver on a lane of its own.

A lane exists while its subscription has something due. It takes a few deliveries, sends them at
the same time and records what came of them, so a receiver that is slow only slows itself.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from serving.db import unavailable
from serving.settings import Settings
from serving.subscriptions.leases import PRUNE_ROWS, Leased, Leases, Settled
from serving.subscriptions.retry import RetryPlan
from serving.subscriptions.sending import Outcome, Sender
from serving.subscriptions.targets import TargetRules

log = logging.getLogger(__name__)

AT_ONCE = 16
# A lease outlives the request and its recording, so it ends only where its worker died or hangs.
LEASE_MARGIN = timedelta(minutes=1)
# Delivered rows are kept this long, so that one can still be replayed.
KEPT = timedelta(days=7)
PRUNE_EVERY = timedelta(hours=1)
# Requests under way when the service stops may end within this time; then they are given back.
GRACE_SECONDS = 5.0


class DeliveryWorker:
    """Delivers what is due, from `start` to `stop`."""

    def __init__(
        self,
        engine: Engine,
        sender: Sender,
        plan: RetryPlan,
        lease: timedelta,
        poll_seconds: float = 0.5,
    ) -> None:
        self._leases = Leases(engine, lease)
        self._sender = sender
        self._plan = plan
        self._poll_seconds = poll_seconds
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._sending: set[asyncio.Task[Outcome]] = set()
        self._next_prune = datetime.now(UTC)
        self._stopping = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver within this context; on leaving it, no lease of this worker is left."""
        polling = asyncio.create_task(self._poll())
        try:
            yield
        finally:
            self._stopping.set()
            last = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._break_off)
            await polling
            await asyncio.gather(*self._lanes.values())
            last.cancel()
            await self._sender.close()

    async def _poll(self) -> None:
        while not self._stopping.is_set():
            try:
                for subscription_id in await asyncio.to_thread(self._leases.due):
                    if subscription_id not in self._lanes:
                        lane = asyncio.create_task(self._lane(subscription_id))
                        self._lanes[subscription_id] = lane
                await self._prune()
            except Exception as error:
                _warn("deliveries that are due cannot be found", error)
            await self._pause()

    async def _lane(self, subscription_id: str) -> None:
        """Deliver to one receiver until nothing is due."""
        try:
            while not self._stopping.is_set():
                taken = await asyncio.to_thread(self._leases.take, subscription_id, AT_ONCE)
                if not taken:
                    return
                if self._stopping.is_set():
                    await asyncio.to_thread(self._leases.settle, (), taken)
                else:
                    await self._deliver(taken)
        except Exception as error:
            # What was leased comes back when its lease ends, and the next poll opens a new lane.
            _warn("deliveries cannot be leased or recorded", error)
        finally:
            del self._lanes[subscription_id]

    async def _deliver(self, taken: list[Leased]) -> None:
        tasks = {asyncio.create_task(self._sender.send(leased)): leased for leased in taken}
        self._sending |= tasks.keys()
        await asyncio.wait(tasks)
        self._sending -= tasks.keys()
        outcomes = [
            self._settled(leased, _outcome(task))
            for task, leased in tasks.items()
            if not task.cancelled()
        ]
        released = [leased for task, leased in tasks.items() if task.cancelled()]
        await asyncio.to_thread(self._leases.settle, outcomes, released)

    def _settled(self, leased: Leased, outcome: Outcome) -> Settled:
        now = datetime.now(UTC)
        again = None
        if outcome.error is not None:
            again = self._plan.next_attempt(
                now, leased.attempts + 1, leased.retrying_since, outcome.asked_for
            )
        return Settled(leased, outcome.status, outcome.error, again, outcome.gone)

    async def _prune(self) -> None:
        now = datetime.now(UTC)
        if now < self._next_prune:
            return
        deleted = await asyncio.to_thread(self._leases.prune, now - KEPT)
        # A full round says that more wait; they go with the next polls, between other work.
        if deleted < PRUNE_ROWS:
            self._next_prune = now + PRUNE_EVERY

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), self._poll_seconds)
        except TimeoutError:
            return

    def _break_off(self) -> None:
        for task in self._sending:
            task.cancel()


def delivery_worker(engine: Engine, targets: TargetRules, settings: Settings) -> DeliveryWorker:
    """The worker of a service with these settings; made where an event loop runs."""
    timeout = timedelta(seconds=settings.webhook_timeout_seconds)
    plan = RetryPlan(period=timedelta(hours=settings.webhook_retry_hours))
    return DeliveryWorker(engine, Sender(targets, timeout), plan, timeout + LEASE_MARGIN)


def _outcome(task: asyncio.Task[Outcome]) -> Outcome:
    error = task.exception()
    if error is None:
        return task.result()
    _warn("a delivery failed by a fault of the service", error)
    return Outcome("internal")


def _warn(what: str, error: BaseException) -> None:
    """Log without values: the statement within a database error holds what was decided."""
    reason = str(unavailable(error)) if isinstance(error, DBAPIError) else type(error).__name__
    log.warning("%s, tried again later: %s", what, reason)
