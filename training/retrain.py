"""`fenliu train`: a city's labelled calls through the same stages and gates.

The calls become batches of a corpus of their own, beside ours or alone, and everything else is the
pipeline that builds the first model: the same checks, the same MLflow run, the same export.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from rich.console import Console

from fenliu import paths
from fenliu.errors import ConfigurationError, CorpusError
from training.calls import Columns, read_calls, write_rejects
from training.command import build_with_progress
from training.corpus import read_corpus, write_corpus
from training.near_duplicates import near_duplicates
from training.params import read_params
from training.rows import Row
from training.stages import Workspace

# A city's calls are divided by a hash of their text, so that the same call is always on the same
# side however often and with whatever others it is handed in.
_HELD_OUT = {"calibration": 15, "test": 15}


@dataclass(frozen=True)
class Request:
    """What to train on and where the result goes."""

    calls: Path
    columns: Columns
    output: Path
    alone: bool
    weight: float


def train(request: Request, data: Path = paths.DATA, params: Path = paths.PARAMS) -> None:
    """Train on labelled calls; raises CorpusError, ConfigurationError or GateError.

    Rows that cannot be used go to `rejects.csv` in the output folder with the reason.
    """
    if request.weight <= 0:
        raise ConfigurationError("--weight must be above 0: 1 counts a call as one narrative")
    work = _workspace(request.output)
    taxonomy = Workspace(data=data).taxonomy
    calls = read_calls(request.calls, taxonomy, request.columns)
    write_rejects(request.output / "rejects.csv", calls.rejects)
    console = Console(stderr=True)
    console.print(f"{len(calls.rows)} calls taken, {len(calls.rejects)} set aside")
    threshold = read_params(params).corpus.near_duplicate
    ours = [] if request.alone else [entry.row for entry in read_corpus(data / "corpus")]
    rows = _without_near_duplicates([*_divided(calls.rows), *ours], threshold)
    _write_data(work, data, rows)
    _write_params(work, params, rows, request)
    build_with_progress(work, f"Training on {len(rows)} narratives.")
    console.print(f"bundle: {work.bundle}")


def _workspace(output: Path) -> Workspace:
    return Workspace(
        data=output / "data",
        params_file=output / "params.yaml",
        stages=output / "stages",
        bundle=output / "bundle",
        reports=output / "reports",
    )


def _divided(rows: Sequence[Row]) -> list[Row]:
    """Rows in batches `city-train`, `city-calibration` and `city-test`."""
    return [replace(row, batch=f"city-{_side(row.text)}") for row in rows]


def _side(text: str) -> str:
    place = int(hashlib.sha256(text.encode()).hexdigest(), 16) % 100
    for side, share in _HELD_OUT.items():
        if place < share:
            return side
        place -= share
    return "train"


def _without_near_duplicates(rows: list[Row], threshold: float) -> list[Row]:
    """Rows without those that resemble an earlier one: real calls repeat themselves a lot."""
    repeated = {
        pair.second
        for pair in near_duplicates([row.text for row in rows], threshold)
        if pair.similarity == 1 or rows[pair.first].batch != rows[pair.second].batch
    }
    return [row for place, row in enumerate(rows) if place not in repeated]


def _write_data(work: Workspace, data: Path, rows: list[Row]) -> None:
    work.data.mkdir(parents=True, exist_ok=True)
    for name in ("taxonomy.yaml", "red_flags.yaml", "questions.yaml", "lexicon.txt", "priors.yaml"):
        shutil.copyfile(data / name, work.data / name)
    shutil.rmtree(work.data / "corpus", ignore_errors=True)
    write_corpus(work.data / "corpus", rows, work.taxonomy)


def _write_params(work: Workspace, params: Path, rows: list[Row], request: Request) -> None:
    """The given parameters, with the city's batches held out as well."""
    settings = yaml.safe_load(params.read_text(encoding="utf-8"))
    present = {row.batch for row in rows}
    for side in ("test", "calibration"):
        # Where a city has calls enough, only they may judge and certify.
        enough = sum(row.batch == f"city-{side}" for row in rows) >= len(work.taxonomy.labels)
        city = [f"city-{side}"] if f"city-{side}" in present else []
        named = [b for b in settings["split"][f"{side}_batches"] if b in present]
        if not (city or named):
            raise CorpusError(f"no calls are left for {side}: hand in more, or leave out --alone")
        settings["split"][f"{side}_batches"] = city if enough else [*city, *named]
        settings["certify"]["as_they_come"] = enough
    settings["corpus"]["minimum_per_type"] = 1
    settings["fit"]["batch_weights"] = {"city-train": request.weight}
    work.params_file.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
