"""A service as an operator runs it: a process of its own, its address and its log."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


@dataclass
class Running:
    """A started service."""

    url: str
    process: subprocess.Popen[bytes]
    output: Path

    def post(self, text: str, **call: Any) -> httpx.Response:
        return httpx.post(f"{self.url}/v1/predict", json={"text": text, **call})

    def metrics(self) -> str:
        return httpx.get(f"{self.url}/metrics").text

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def written(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written().splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.log() if line["event"] == name]


Start = Callable[..., Running]


def wait_for(met: Callable[[], Any]) -> Any:
    """The first true value of a condition; fails where none comes."""
    for _ in range(400):
        try:
            if found := met():
                return found
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError("waited in vain")
