"""`fenliu train`: a city's labelled calls through the same stages and gates.

The calls become batches of a corpus of their own, beside ours or alone. Everything else is the
pipeline that builds the first model, with one stage more before the run is registered: the city's
held-out calls are asked whether the bundle may be released. Only then does it take the place of an
older one.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console

from fenliu import paths
from fenliu.bundle import Bundle, load_bundle
from fenliu.errors import BundleError, ConfigurationError, GateError, InvalidInput
from fenliu.taxonomy import Taxonomy
from training import city_calls
from training.calls import Columns, require_rows, sort_calls, write_rejects
from training.city_calls import CALIBRATION, TEST, TRAIN, Divided
from training.city_gates import question
from training.command import build_with_progress
from training.corpus import read_corpus, write_corpus
from training.evaluate import judge_bundle, write_tables
from training.params import Params, read_params
from training.rows import Row, read_rows, write_rows
from training.scoring import Scores
from training.stages import STAGES, Stage, Workspace, replace_folder

_LARGEST_WEIGHT = 1000.0
_CITY_TEST = "city-test.jsonl"
_DATA_FILES = ("taxonomy.yaml", "red_flags.yaml", "questions.yaml", "lexicon.txt", "priors.yaml")


@dataclass(frozen=True)
class Request:
    """What to train on and where the result goes."""

    calls: Path
    columns: Columns
    output: Path
    alone: bool
    weight: float


@dataclass(frozen=True)
class Home:
    """The corpus, parameters and bundle that a city's calls are added to and compared with."""

    data: Path = paths.DATA
    params: Path = paths.PARAMS
    bundle: Path = paths.BUNDLE


def train(request: Request, home: Home = Home()) -> None:
    """Train on labelled calls; raises CorpusError, ConfigurationError, InvalidInput or GateError.

    Rows that cannot be used go to `rejects.csv` in the output folder with the reason. The bundle
    in the output folder is replaced only when every gate is passed.
    """
    _check(request)
    work = _workspace(request.output)
    taxonomy = Workspace(data=home.data).taxonomy
    params = read_params(home.params)
    calls = sort_calls(request.calls, taxonomy, request.columns)
    write_rejects(request.output / "rejects.csv", calls.rejects)
    require_rows(request.calls, calls)
    city = city_calls.divide(calls.rows, params.corpus.near_duplicate)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    _say_what_was_taken(console, request, city, len(calls.rows), len(calls.rejects))
    rows = _rows(city, taxonomy, params, request, home)
    _write_data(work, home.data, rows, city)
    _write_params(work, home.params, city, request)
    final = request.output / "bundle"
    judge = _Judge(final if final.exists() else home.bundle)
    try:
        build_with_progress(work, f"Training on {len(rows)} narratives.", _with(judge))
    except GateError as error:
        kept = f"{final} is as it was" if final.exists() else "no bundle was written"
        raise GateError(f"not released: {error}. {kept}") from None
    replace_folder(work.bundle, final)
    _say_what_came_out(console, load_bundle(final), judge)


def _check(request: Request) -> None:
    if not 0 < request.weight <= _LARGEST_WEIGHT:  # refuses NaN as well
        limit = f"must lie above 0 and at most {_LARGEST_WEIGHT:g}: 1 counts a call as a narrative"
        raise InvalidInput("--weight", limit)
    if request.output.resolve() in (paths.HOME, paths.MODELS, paths.DATA):
        raise InvalidInput("--output", "name a folder of its own, such as models/city")
    try:
        request.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror
        raise ConfigurationError(f"--output {request.output} cannot be made: {reason}") from None


def _workspace(output: Path) -> Workspace:
    return Workspace(
        data=output / "data",
        params_file=output / "params.yaml",
        stages=output / "stages",
        bundle=output / "stages" / "candidate",
        reports=output / "reports",
    )


def _rows(
    city: Divided, taxonomy: Taxonomy, params: Params, request: Request, home: Home
) -> list[Row]:
    if request.alone:
        city_calls.require_every_type(city.train, taxonomy)
        return [*city.test, *city.calibration, *city.train]
    corpus = [entry.row for entry in read_corpus(home.data / "corpus")]
    held_out = {*params.split.calibration_batches, *params.split.test_batches}
    return city_calls.beside_corpus(city, corpus, held_out, params.corpus.near_duplicate)


def _write_data(work: Workspace, data: Path, rows: list[Row], city: Divided) -> None:
    work.data.mkdir(parents=True, exist_ok=True)
    for name in _DATA_FILES:
        shutil.copyfile(data / name, work.data / name)
    # What an earlier run left may not be mistaken for something of this one.
    for folder in (work.data / "corpus", work.stages, work.reports):
        shutil.rmtree(folder, ignore_errors=True)
    write_corpus(work.data / "corpus", rows, work.taxonomy)
    write_rows(work.stages / _CITY_TEST, city.test)


def _write_params(work: Workspace, params: Path, city: Divided, request: Request) -> None:
    """The given parameters for this corpus.

    Calls of the city certify by themselves where they can prove anything, else ours join in and
    the certificate stays provisional. Alone, no figure is measured on our test batches, so the
    gates that were set for them do not apply; those of `city_gates` do.
    """
    settings = yaml.safe_load(params.read_text(encoding="utf-8"))
    split = settings["split"]
    by_itself = request.alone or city_calls.can_certify(
        city.calibration, read_params(params).certify
    )
    settings["certify"]["as_they_come"] = by_itself
    if by_itself:
        split["calibration_batches"] = [CALIBRATION]
    elif city.calibration:
        split["calibration_batches"] = [*split["calibration_batches"], CALIBRATION]
    if request.alone:
        split["test_batches"] = [TEST]
        settings["gates"] = {}
    settings["corpus"] |= {"minimum_per_type": 1, "repeating_batches": [CALIBRATION, TEST]}
    weights = settings["fit"].get("batch_weights") or {}
    settings["fit"]["batch_weights"] = weights | {TRAIN: request.weight}
    work.params_file.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")


class _Judge:
    """The stage in which the city's held-out calls judge; remembers the scores for the reader."""

    def __init__(self, in_force: Path) -> None:
        self._in_force = in_force
        self.new: Scores | None = None
        self.old: Scores | None = None

    def __call__(self, work: Workspace) -> None:
        rows = read_rows(work.stages / _CITY_TEST)
        if not rows:
            return
        bundle = load_bundle(work.bundle)
        self.new = judge_bundle(bundle, rows)
        self.old = self._scores_in_force(bundle, rows)
        write_tables(work.reports / "city", self.new)
        question(bundle, self.new, self.old).raise_if_missed()

    def _scores_in_force(self, bundle: Bundle, rows: Sequence[Row]) -> Scores | None:
        """None where there is no bundle in force, or it is one for other lists."""
        try:
            old = load_bundle(self._in_force)
        except BundleError:
            return None
        if old.taxonomy.labels != bundle.taxonomy.labels:
            return None
        return judge_bundle(old, rows)


def _with(judge: _Judge) -> dict[str, Stage]:
    """All stages, the city's question before the run is registered."""
    register = {"register": STAGES["register"]}
    return {k: v for k, v in STAGES.items() if k not in register} | {"city": judge} | register


def _say_what_was_taken(
    console: Console, request: Request, city: Divided, taken: int, rejected: int
) -> None:
    repeated = taken - len(city.train) - len(city.calibration) - len(city.test)
    console.print(
        f"{taken} calls taken: {len(city.train)} for training, {len(city.calibration)} for "
        f"calibration, {len(city.test)} for test, {repeated} left out of training because they "
        "repeat or resemble another"
    )
    if rejected:
        console.print(f"{rejected} rows set aside, reasons in {request.output / 'rejects.csv'}")


def _say_what_came_out(console: Console, bundle: Bundle, judge: _Judge) -> None:
    if judge.new is not None:
        for name, scores in (("new bundle", judge.new), ("bundle in force", judge.old)):
            if scores is not None:
                console.print(f"{name} on the city's held-out calls: {_figures(scores)}")
    else:
        console.print("no call of the city fell to the test: hand in more to learn how it does")
    certificate = bundle.policy.certificate
    if not certificate["certified"]:
        console.print("Not certified: the bundle diverts nothing without a human.")
    elif certificate["provisional"]:
        console.print(
            f"Certified at {certificate['alpha']:.2%} on {certificate['calls']} narratives, "
            "provisionally: the city's calls are too few to prove it by themselves."
        )
    else:
        console.print(
            f"Certified at {certificate['alpha']:.2%} on {certificate['calls']} calls of the city."
        )
    console.print(f"bundle: {bundle.path} ({bundle.model_version}, {bundle.policy_version})")


def _figures(scores: Scores) -> str:
    figures = scores.summary()
    return (
        f"{figures['calls']} calls, type {figures['type_top1']:.1%}, "
        f"category {figures['category']:.1%}, owner {figures['owner']:.1%}, "
        f"{scores.police_diverted_calls()} police matters among {figures['diverted']} diverted"
    )
