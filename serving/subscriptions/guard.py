"""Connections that go only to an address that was judged: names cannot be rebound in between."""

import asyncio
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import httpcore

from serving.subscriptions.targets import TargetRules, resolve

# A name server that does not answer holds one thread for each host asked for.
_RESOLVER_THREADS = 16


class TargetRefused(Exception):
    """The address that a host stands for now is not allowed."""


class NameUnknown(Exception):
    """A host has no address now."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves, judges, and connects to the very address it judged."""

    def __init__(self, rules: TargetRules) -> None:
        self._rules = rules
        self._tcp = httpcore.AnyIOBackend()
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, "webhook-names")
        self._lookups: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._resolve(host, port)
        except socket.gaierror as error:
            raise NameUnknown from error
        failure: Exception = TargetRefused()
        for address in addresses:
            if not self._rules.allows(host, address):
                continue
            try:
                return await self._tcp.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise TargetRefused

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def close(self) -> None:
        """End the threads that look up names, once their lookups are done."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _resolve(self, host: str, port: int) -> list[str]:
        """Addresses of a host; all who ask for it at the same time share one lookup."""
        key = (host, port)
        if key not in self._lookups:
            loop = asyncio.get_running_loop()
            lookup = loop.run_in_executor(self._threads, resolve, host, port)
            lookup.add_done_callback(lambda done: self._forget(key, done))
            self._lookups[key] = lookup
        return await asyncio.shield(self._lookups[key])

    def _forget(self, key: tuple[str, int], done: "asyncio.Future[list[str]]") -> None:
        del self._lookups[key]
        if not done.cancelled():
            # Whoever asked may have run out of time and gone.
            done.exception()
