"""The servers that are compared: how each is started, and what is asked of it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from fenliu import paths

PEERS = Path(__file__).with_name("peers")
# Server and load generator have a core each, so that neither measures the other.
SERVER_CORE, LOAD_CORE = "0", "1"
_BENTO = (
    "bentoml==1.4.40",
    "scikit-learn==1.9.1",
    "numpy",
    "scipy",
    "joblib",
    "rjieba",
    "opencc",
    "pyyaml",
    "msgspec",
    "numba",
)


@dataclass(frozen=True)
class Peer:
    """One server: its command for a port, its path, and how it wraps a text."""

    name: str
    command: Callable[[int], list[str]]
    path: str
    body: str
    environment: dict[str, str] = field(default_factory=dict)


def peers(folder: Path) -> list[Peer]:
    """All servers, ours first; `folder` holds what they need."""
    python = sys.executable

    def uvicorn(app: str) -> Callable[[int], list[str]]:
        return lambda port: [
            *(python, "-m", "uvicorn", f"bench.peers.{app}", "--port", str(port)),
            *("--log-level", "warning", "--no-access-log"),
        ]

    plain = '{"text": %s}'
    ours = {"FENLIU_DATABASE_URL": f"sqlite:///{folder / 'fenliu.db'}"}
    fenliu = str(Path(python).with_name("fenliu"))
    mlflow = str(Path(python).with_name("mlflow"))
    model = str(folder / "model")
    return [
        Peer(
            "ours", lambda port: [fenliu, "serve", "--port", str(port)], "/v1/predict", plain, ours
        ),
        Peer(
            "mlflow",
            lambda port: [
                *(mlflow, "models", "serve", "-m", model, "--env-manager", "local"),
                *("--port", str(port), "--workers", "1"),
            ],
            "/invocations",
            '{"dataframe_records": [{"text": %s}]}',
            {"PYTHONPATH": str(paths.HOME)},
        ),
        Peer(
            "BentoML",
            lambda port: [
                *("uv", "run", "--no-project", "--quiet", "--python", "3.11"),
                *(part for name in _BENTO for part in ("--with", name)),
                *("bentoml", "serve", "bento_service:Narratives", "--port", str(port)),
            ],
            "/predict",
            plain,
            {"PYTHONPATH": str(paths.HOME), "BENTOML_DO_NOT_TRACK": "True"},
        ),
        Peer("plain FastAPI", uvicorn("plain_fastapi:app"), "/predict", plain),
        Peer("empty FastAPI", uvicorn("empty_fastapi:app"), "/predict", plain),
        Peer("raw ASGI", uvicorn("raw_asgi:app"), "/predict", plain),
    ]


class Running:
    """A server under measurement; a context that ends its whole process group."""

    def __init__(self, peer: Peer, text: str) -> None:
        self.peer = peer
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}{peer.path}"
        started = time.perf_counter()
        self.process = subprocess.Popen(
            ["taskset", "-c", SERVER_CORE, *peer.command(self.port)],
            cwd=PEERS if peer.name == "BentoML" else paths.HOME,
            env=os.environ | peer.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait(text)
        self.cold_start = time.perf_counter() - started

    def _wait(self, text: str) -> None:
        until = time.monotonic() + 300
        body = (self.peer.body % text).encode()
        while time.monotonic() < until:
            request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
            if self.process.poll() is not None:
                break
        raise SystemExit(f"{self.peer.name} did not start")

    def memory(self) -> float:
        """Proportional memory of its processes, in MB."""
        total = 0
        for status in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(status.name)) != self.process.pid:
                    continue
                rollup = (status / "smaps_rollup").read_text()
            except (OSError, ProcessLookupError):
                continue
            total += next(int(x.split()[1]) for x in rollup.splitlines() if x.startswith("Pss:"))
        return total / 1024

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def need(program: str) -> str:
    """Path of a program, or a message that names the package."""
    found = shutil.which(program)
    if not found:
        raise SystemExit(f"{program} is needed: install the system package `{program}`")
    return found
