"""In process: our scorer against the scikit-learn pipeline it was exported from, and fastText."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import joblib
import numpy as np

from bench.report import Report
from fenliu import paths
from fenliu.bundle import load_bundle
from fenliu.text import normalise
from training.calibrate import Calibration
from training.fit import probabilities
from training.rows import Row, read_rows

ROUNDS = 5
SINGLE = 400
BATCH = 2000
_FASTTEXT = Path(__file__).with_name("peers") / "fasttext_speed.py"


def run(report: Report) -> None:
    """Measure all pairs in turn and note the ratios."""
    rows = read_rows(paths.STAGES / "test.jsonl")
    texts = [row.text for row in rows][:BATCH]
    bundle = load_bundle(paths.BUNDLE)
    scorer = bundle.scorer
    pipeline = joblib.load(paths.STAGES / "pipeline.joblib")
    weights = scorer.weights
    calibration = Calibration(weights.temperature, weights.owner_temperature)

    def ours_single(text: str) -> Any:
        return scorer.probabilities(normalise(text))

    def fitted_single(text: str) -> Any:
        return probabilities(pipeline, [text], calibration)

    def ours_batch(batch: Sequence[str]) -> Any:
        return scorer.probabilities_of([normalise(text) for text in batch])

    def fitted_batch(batch: Sequence[str]) -> Any:
        return probabilities(pipeline, batch, calibration)

    difference = np.abs(ours_batch(texts) - fitted_batch(texts))
    with tempfile.TemporaryDirectory() as folder:
        peer = _FastText(Path(folder), read_rows(paths.STAGES / "train.jsonl"), rows)
        with peer:
            single: dict[str, list[float]] = {"ours": [], "fitted": [], "fastText": []}
            batch: dict[str, list[float]] = {"ours": [], "fitted": []}
            for _ in range(ROUNDS):
                single["ours"].append(_per_text(ours_single, texts[:SINGLE]))
                single["fitted"].append(_per_text(fitted_single, texts[:SINGLE]))
                single["fastText"].append(peer.per_text(SINGLE))
                batch["ours"].append(_whole(ours_batch, texts))
                batch["fitted"].append(_whole(fitted_batch, texts))
    one = {name: median(values) for name, values in single.items()}
    many = {name: median(values) for name, values in batch.items()}
    report.ratio(
        "single: ours/scikit-learn",
        one["fitted"] / one["ours"],
        20,
        f"{one['ours']:.0f} against {one['fitted']:.0f} µs, "
        f"probabilities differ by at most {difference.max():.0e}",
    )
    report.ratio(
        "single: ours/fastText",
        one["fastText"] / one["ours"],
        1.3,
        f"{one['ours']:.0f} against {one['fastText']:.0f} µs",
    )
    report.ratio(
        "batch: ours/scikit-learn",
        many["fitted"] / many["ours"],
        None,
        f"{many['ours']:.0f} against {many['fitted']:.0f} µs a text",
    )
    labels = bundle.taxonomy.labels
    right = [labels.index(row.type) for row in rows]
    best = ours_batch([row.text for row in rows]).argmax(axis=1)
    report.ratio(
        "accuracy: ours/fastText",
        float((best == right).mean()) / peer.accuracy,
        1,
        f"{(best == right).mean():.1%} against {peer.accuracy:.1%} of types right",
    )


class _FastText:
    """FastText in a process of its own (it fails beside other fits), told when to measure."""

    def __init__(self, folder: Path, train: Sequence[Row], test: Sequence[Row]) -> None:
        for name, rows in (("train", train), ("test", test)):
            lines = (json.dumps([row.text, row.type], ensure_ascii=False) for row in rows)
            (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        self._folder = folder
        self.accuracy = 0.0

    def __enter__(self) -> "_FastText":
        self._process = subprocess.Popen(
            [sys.executable, str(_FASTTEXT), str(self._folder), str(paths.DATA / "lexicon.txt")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.accuracy = float(self._read())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def per_text(self, count: int) -> float:
        """Microseconds a text, over the first `count` texts."""
        assert self._process.stdin
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        return float(self._read())

    def _read(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


def _per_text(decide: Callable[[str], Any], texts: Sequence[str]) -> float:
    for text in texts[:50]:
        decide(text)
    started = time.perf_counter()
    for text in texts:
        decide(text)
    return (time.perf_counter() - started) / len(texts) * 1e6


def _whole(decide: Callable[[Sequence[str]], Any], texts: Sequence[str]) -> float:
    started = time.perf_counter()
    decide(texts)
    return (time.perf_counter() - started) / len(texts) * 1e6
