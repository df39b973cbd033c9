"""Over HTTP: one worker on one core, durable log on, against other ways to serve a model."""

import json
import re
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.report import Report
from bench.servers import LOAD_CORE, Peer, Running, need, peers
from fenliu import paths
from training.rows import read_rows

ROUNDS = 3
SECONDS = 4
CLIENTS = 16
TEXTS = 2000
REAL_LENGTHS = "dawn"
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def run(report: Report) -> None:
    """Start all servers, load them in turn, note the ratios."""
    need("wrk")
    # The batch that was written with the lengths of real calls: half have 12 characters or fewer.
    rows = read_rows(paths.STAGES / "calibration.jsonl")
    texts = [json.dumps(row.text, ensure_ascii=False) for row in rows if row.batch == REAL_LENGTHS]
    texts = texts[:TEXTS]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        _save_mlflow_model(folder / "model")
        running: dict[str, Running] = {}
        for peer in peers(folder):
            running[peer.name] = stack.enter_context(Running(peer, texts[0]))
            print(f"{peer.name} runs", flush=True)
        rates: dict[str, list[float]] = {name: [] for name in running}
        tails: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(ROUNDS):
            for name, server in running.items():
                rate, tail = _load(server, _script(folder, server.peer, texts))
                rates[name].append(rate)
                tails[name].append(tail)
        memory = {name: server.memory() for name, server in running.items()}
        cold = {name: server.cold_start for name, server in running.items()}
    _note(
        report, {n: median(v) for n, v in rates.items()}, {n: median(v) for n, v in tails.items()}
    )
    report.ratio(
        "cold start: mlflow/ours",
        cold["mlflow"] / cold["ours"],
        6,
        f"{cold['mlflow']:.1f} s against {cold['ours']:.1f} s to the first right answer",
    )
    report.ratio(
        "memory: mlflow/ours",
        memory["mlflow"] / memory["ours"],
        2,
        f"{memory['mlflow']:.0f} MB against {memory['ours']:.0f} MB",
    )


def _note(report: Report, rate: dict[str, float], tail: dict[str, float]) -> None:
    goals = {"mlflow": 8.0, "BentoML": 12.0, "empty FastAPI": 0.45}
    for name, theirs in rate.items():
        if name != "ours":
            report.ratio(
                f"ours/{name}",
                rate["ours"] / theirs,
                goals.get(name),
                f"{rate['ours']:,.0f} against {theirs:,.0f} requests a second, "
                f"{CLIENTS} clients, one core",
            )
    report.ratio(
        "p99: mlflow/ours",
        tail["mlflow"] / tail["ours"],
        10,
        f"{tail['mlflow']:.1f} ms against {tail['ours']:.1f} ms at {CLIENTS} clients",
    )


def _load(server: Running, script: Path) -> tuple[float, float]:
    """Requests a second and the 99th percentile in milliseconds."""
    done = subprocess.run(
        [
            *("taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s"),
            *("--latency", "-s", str(script), server.url),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise SystemExit(f"{server.peer.name} failed under load:\n{done.stdout}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)
    assert rate and tail, done.stdout
    return float(rate.group(1)), float(tail.group(1)) * _UNITS[tail.group(2)]


def _script(folder: Path, peer: Peer, texts: list[str]) -> Path:
    """A wrk script that sends the texts in rotation."""
    path = folder / f"{peer.name}.lua"
    bodies = ",\n".join(f"[==[{peer.body % text}]==]" for text in texts)
    path.write_text(
        f"local bodies = {{{bodies}}}\n"
        'wrk.method = "POST"\n'
        'wrk.headers["Content-Type"] = "application/json"\n'
        "local at = 0\n"
        "request = function()\n"
        "  at = at % #bodies + 1\n"
        "  return wrk.format(nil, nil, nil, bodies[at])\n"
        "end\n",
        encoding="utf-8",
    )
    return path


def _save_mlflow_model(path: Path) -> None:
    import mlflow

    mlflow.pyfunc.save_model(
        str(path),
        python_model=str(paths.HOME / "training" / "pyfunc.py"),
        artifacts={"bundle": str(paths.BUNDLE)},
        pip_requirements=[],
    )
