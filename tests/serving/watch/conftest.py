import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fenliu.paths import HOME
from tests.serving.watch.running import Running, Start, wait_for


@pytest.fixture
def start(bundle_path: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts services with settings FENLIU_*; ends them with the test."""
    started: list[Running] = []

    def start(**settings: str) -> Running:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        output = tmp_path / f"log-{port}"
        environment = os.environ | {
            "FENLIU_BUNDLE": str(bundle_path),
            "FENLIU_DATABASE_URL": f"sqlite:///{tmp_path}/fenliu.db",
            "FENLIU_PORT": str(port),
            **settings,
        }
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", "from fenliu.cli import main; main()", "serve"],
                cwd=HOME,
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        running = Running(f"http://127.0.0.1:{port}", process, output)
        started.append(running)
        wait_for(lambda: httpx.get(f"{running.url}/healthz").is_success)
        return running

    yield start
    for running in started:
        running.process.send_signal(signal.SIGTERM)
        try:
            running.process.wait(20)
        except subprocess.TimeoutExpired:
            running.process.kill()
