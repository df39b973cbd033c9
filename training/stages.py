"""The stages of dvc.yaml as commands: files in, files out.

`python -m training.stages NAME` runs one, as DVC does; `build` runs all of them in one process.
What a stage does stands in the module of its name.
"""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import yaml

from fenliu import paths
from fenliu.assessment import Assessor
from fenliu.bundle import Rules, add_facts, load_bundle, write_json
from fenliu.errors import CorpusError, FenliuError
from fenliu.policy import Policy
from fenliu.red_flags import load_red_flags
from fenliu.scorer import Scorer
from fenliu.taxonomy import Taxonomy, load_taxonomy
from fenliu.tokens import Tokeniser
from training.calibrate import Calibration, find_temperature
from training.certify import Scored, certify
from training.corpus import check_corpus, read_corpus
from training.evaluate import assess, check_gates, judge, write_tables
from training.export import export, prove_equal, weights_of
from training.fit import fit
from training.noise import noisy_copies
from training.params import Params, read_params
from training.priors import read_priors, realistic_sample
from training.profile import profile
from training.rows import Row, read_rows, write_rows
from training.split import split

_NOISE_SEED = 20261125


@dataclass(frozen=True)
class Workspace:
    """Where the stages read and write."""

    data: Path = paths.DATA
    params_file: Path = paths.PARAMS
    stages: Path = paths.STAGES
    bundle: Path = paths.BUNDLE
    reports: Path = paths.REPORTS

    @property
    def params(self) -> Params:
        """Settings of the run."""
        return read_params(self.params_file)

    @property
    def taxonomy(self) -> Taxonomy:
        """The city's lists."""
        return load_taxonomy(self.data / "taxonomy.yaml")

    @property
    def rules(self) -> Rules:
        """The files that travel with the weights."""
        return Rules(
            self.data / "taxonomy.yaml",
            self.data / "red_flags.yaml",
            self.data / "questions.yaml",
            self.data / "lexicon.txt",
        )

    @property
    def calibration(self) -> Calibration:
        """The temperatures that stage `calibrate` found."""
        return Calibration(**self.read_json("calibration.json"))

    def read_json(self, name: str) -> Any:
        """A JSON file that an earlier stage wrote."""
        return yaml.safe_load((self.stages / name).read_text(encoding="utf-8"))


def run_corpus(work: Workspace) -> None:
    """Check the corpus and write all rows."""
    settings, taxonomy = work.params.corpus, work.taxonomy
    located = read_corpus(work.data / "corpus")
    findings = check_corpus(
        located,
        taxonomy,
        settings.minimum_per_type,
        settings.near_duplicate,
        settings.repeating_batches,
    )
    if findings:
        raise CorpusError(f"{len(findings)} findings in the corpus, the first: {findings[0]}")
    write_rows(work.stages / "corpus.jsonl", [entry.row for entry in located])


def run_split(work: Workspace) -> None:
    """Hold batches out and write three files of rows."""
    params = work.params
    rows = read_rows(work.stages / "corpus.jsonl")
    parts = split(
        rows,
        params.split.calibration_batches,
        params.split.test_batches,
        params.corpus.near_duplicate,
    )
    write_rows(work.stages / "train.jsonl", parts.train)
    write_rows(work.stages / "calibration.jsonl", parts.calibration)
    write_rows(work.stages / "test.jsonl", parts.test)


def run_fit(work: Workspace) -> None:
    """Fit the pipeline and keep it as a training artefact."""
    rows = read_rows(work.stages / "train.jsonl")
    lexicon = work.data / "lexicon.txt"
    settings = work.params.fit
    rows += noisy_copies(rows, settings.noisy_copies, _NOISE_SEED)
    weights = [settings.batch_weights.get(row.batch, 1.0) for row in rows]
    pipeline = fit(rows, work.taxonomy, settings, lexicon, weights)
    joblib.dump(pipeline, work.stages / "pipeline.joblib", compress=3)


def run_calibrate(work: Workspace) -> None:
    """Find the temperature of each head on the calibration batches."""
    rows = read_rows(work.stages / "calibration.jsonl")
    taxonomy = work.taxonomy
    pipeline = joblib.load(work.stages / "pipeline.joblib")
    features = pipeline.named_steps["features"].transform([row.text for row in rows])
    labels, owners = pipeline.named_steps["model"].heads(features)
    target = np.array([taxonomy.labels.index(row.type) for row in rows])
    calibration = Calibration(
        label=find_temperature(labels, target),
        owner=find_temperature(owners, taxonomy.membership.argmax(axis=1)[target]),
    )
    write_json(work.stages / "calibration.json", asdict(calibration))


def run_certify(work: Workspace) -> None:
    """Choose and certify the divert threshold on a realistic sample of the calibration batches."""
    settings, taxonomy = work.params.certify, work.taxonomy
    sample = _realistic_calls(work)
    assessor = _assessor(work, settings.clause_threshold)
    scored = Scored([row.type for row in sample], assess(assessor, sample))
    policy = certify(scored, settings, taxonomy)
    # Only calls of a city, as often as they come there, prove anything about that city.
    policy.certificate["provisional"] = not settings.as_they_come
    policy.certificate["data"] = "batches " + ", ".join(work.params.split.calibration_batches)
    write_json(work.stages / "policy.json", policy.as_dict())


def run_evaluate(work: Workspace) -> None:
    """Measure the fitted model under its policy on the test batches."""
    rows = read_rows(work.stages / "test.jsonl")
    policy = Policy(**work.read_json("policy.json"))
    assessments = assess(_assessor(work, policy.clause_threshold), rows)
    write_tables(work.reports, judge(rows, assessments, policy, work.taxonomy))


def run_export(work: Workspace) -> None:
    """Hold the figures against the gates, export the bundle, prove it equal, add its profile."""
    params = work.params
    metrics = yaml.safe_load((work.reports / "metrics.json").read_text(encoding="utf-8"))
    check_gates(metrics, params.gates)
    pipeline = joblib.load(work.stages / "pipeline.joblib")
    draft = work.stages / "bundle"
    bundle = export(
        draft,
        pipeline,
        work.calibration,
        Policy(**work.read_json("policy.json")),
        work.rules,
        params=yaml.safe_load(work.params_file.read_text(encoding="utf-8")),
        metrics=metrics,
    )
    prove_equal(bundle, pipeline, read_rows(work.stages / "test.jsonl"))
    add_facts(draft, profile=profile(bundle, _realistic_calls(work)))
    work.bundle.parent.mkdir(parents=True, exist_ok=True)
    replace_folder(draft, work.bundle)


def run_register(work: Workspace) -> None:
    """Log the run, its figures and the bundle to MLflow."""
    from training.register import default_tracking_uri, register

    bundle = load_bundle(work.bundle)
    params = {
        f"{section}.{key}": str(value)
        for section, values in asdict(work.params).items()
        for key, value in values.items()
    }
    artefacts = [work.reports, work.params_file, work.stages / "policy.json"]
    metrics = {key: float(value) for key, value in bundle.manifest["metrics"].items()}
    city = work.reports / "city" / "metrics.json"  # written by `fenliu train`
    if city.exists():
        figures = yaml.safe_load(city.read_text(encoding="utf-8"))
        metrics |= {f"city_{key}": float(value) for key, value in figures.items()}
    run = register(bundle, params, metrics, artefacts, default_tracking_uri())
    write_json(work.stages / "run.json", run)


Stage = Callable[[Workspace], None]
STAGES: dict[str, Stage] = {
    "corpus": run_corpus,
    "split": run_split,
    "fit": run_fit,
    "calibrate": run_calibrate,
    "certify": run_certify,
    "evaluate": run_evaluate,
    "export": run_export,
    "register": run_register,
}


def build(
    work: Workspace,
    started: Callable[[str], None] = lambda _: None,
    stages: Mapping[str, Stage] = STAGES,
) -> None:
    """Run the stages in order; `started` is told the name of each."""
    work.stages.mkdir(parents=True, exist_ok=True)
    for name, stage in stages.items():
        started(name)
        stage(work)


def _realistic_calls(work: Workspace) -> list[Row]:
    """Calibration rows whose labels come as often as in life."""
    settings = work.params.certify
    rows = read_rows(work.stages / "calibration.jsonl")
    if settings.as_they_come:
        return rows
    priors = read_priors(work.data / "priors.yaml", work.taxonomy)
    return [rows[place] for place in realistic_sample(rows, priors, settings.seed)]


def _assessor(work: Workspace, clause_threshold: float) -> Assessor:
    """The fitted model as it will serve; `export` proves that it answers as the pipeline."""
    pipeline = joblib.load(work.stages / "pipeline.joblib")
    tokeniser = Tokeniser(work.rules.lexicon)
    taxonomy = work.taxonomy
    scorer = Scorer(weights_of(pipeline, work.calibration), taxonomy.membership, tokeniser)
    return Assessor(scorer, load_red_flags(work.rules.red_flags), taxonomy, clause_threshold)


def replace_folder(new: Path, old: Path) -> None:
    """Move a folder to a place where another may stand; the other goes when the move is done."""
    aside = old.with_name(f".{old.name}-before")
    shutil.rmtree(aside, ignore_errors=True)
    if old.exists():
        old.rename(aside)
    shutil.move(new, old)
    shutil.rmtree(aside, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Run one stage by name; 2 for a wrong name or an error meant for the reader."""
    if len(arguments) != 1 or arguments[0] not in STAGES:
        print(f"usage: python -m training.stages {'|'.join(STAGES)}", file=sys.stderr)
        return 2
    work = Workspace()
    work.stages.mkdir(parents=True, exist_ok=True)
    try:
        STAGES[arguments[0]](work)
    except FenliuError as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
