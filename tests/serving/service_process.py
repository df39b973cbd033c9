"""The service as a process of its own, as it runs in a control room, to be killed and starved."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from fenliu.paths import HOME

_START_SECONDS = 60


class ServiceProcess:
    """`fenliu serve` on a free port with one store; a context that leaves no process behind."""

    def __init__(self, bundle: Path, database_url: str, workers: int = 1, **settings: str) -> None:
        self.database_url = database_url
        self._environment = os.environ | {
            "FENLIU_BUNDLE": str(bundle),
            "FENLIU_DATABASE_URL": database_url,
            "FENLIU_WORKERS": str(workers),
            **settings,
        }
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        # A file, not a pipe: one that nobody reads would fill and stop the service.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("fenliu"), "serve", "--port", str(self.port)],
            env=self._environment,
            cwd=HOME,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.wait_until(lambda: self.ready().status_code == 200)

    def ready(self) -> httpx.Response:
        """What /readyz answers."""
        return httpx.get(f"{self.address}/readyz", timeout=10)

    def wait_until(self, condition: Any, seconds: float = _START_SECONDS) -> None:
        """Wait for a condition, in which connection errors count as not yet."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if condition():
                    return
            except httpx.HTTPError:
                pass
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended: {self.output()}")
            time.sleep(0.05)
        raise AssertionError("the service did not get there in time")

    def output(self) -> str:
        """All that it printed, once it has ended."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def kill(self) -> None:
        """End it and its workers as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end and wait; returns its exit code."""
        self.process.terminate()
        return self.process.wait(60)

    def __enter__(self) -> "ServiceProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.kill()


class Load:
    """Clients that send calls without a pause and note what they were answered."""

    def __init__(self, address: str, clients: int) -> None:
        self._address = address
        self._stopping = threading.Event()
        self.answered: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(clients)]

    def _send(self, client: int) -> None:
        number = 0
        with httpx.Client(timeout=30) as connection:
            while not self._stopping.is_set():
                number += 1
                try:
                    answer = connection.post(
                        f"{self._address}/v1/predict",
                        json={"text": f"楼上漏水泡坏天花板，第{number}次", "location": str(client)},
                    )
                except httpx.HTTPError:
                    continue
                self.statuses.append(answer.status_code)
                if answer.status_code == 200:
                    self.answered.append(answer.json())
                else:
                    time.sleep(0.05)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()


def stored_ids(path: Path) -> set[str]:
    """decision_id of every decision in an SQLite store."""
    with sqlite3.connect(path) as connection:
        return {row[0] for row in connection.execute("SELECT decision_id FROM decisions")}


def stored_bodies(path: Path) -> dict[str, Any]:
    """Decision by decision_id."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT decision_id, body FROM decisions").fetchall()
    return {identity: json.loads(body) for identity, body in rows}
