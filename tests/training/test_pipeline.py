"""The stages together: what they hand on, what they prove, what they refuse."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import mlflow
import pandas as pd
import pytest
import yaml

from fenliu.bundle import load_bundle
from fenliu.classifier import Classifier
from fenliu.errors import ConfigurationError, CorpusError, GateError
from fenliu.paths import HOME
from training.evaluate import check_gates, judge_bundle
from training.export import TOLERANCE, prove_equal
from training.params import read_params
from training.rows import read_rows
from training.stages import STAGES, Workspace, main, run_corpus, run_export


def test_the_bundle_answers_as_the_fitted_pipeline(small_workspace: Workspace) -> None:
    bundle = load_bundle(small_workspace.bundle)
    pipeline = joblib.load(small_workspace.stages / "pipeline.joblib")
    rows = read_rows(small_workspace.stages / "test.jsonl")
    assert prove_equal(bundle, pipeline, rows) <= TOLERANCE


def test_a_bundle_that_answers_otherwise_is_refused(small_workspace: Workspace) -> None:
    bundle = load_bundle(small_workspace.bundle)
    pipeline = joblib.load(small_workspace.stages / "pipeline.joblib")
    rows = read_rows(small_workspace.stages / "test.jsonl")[:50]
    bundle.scorer.weights.bias[0] += 1
    with pytest.raises(GateError, match="differs from the fitted pipeline"):
        prove_equal(bundle, pipeline, rows)


def test_report_and_bundle_hold_the_same_figures(small_workspace: Workspace) -> None:
    metrics = json.loads((small_workspace.reports / "metrics.json").read_text(encoding="utf-8"))
    bundle = load_bundle(small_workspace.bundle)
    assert bundle.manifest["metrics"] == metrics
    rows = read_rows(small_workspace.stages / "test.jsonl")
    again = judge_bundle(bundle, rows).summary()
    assert again == pytest.approx(metrics, abs=2e-3)
    table = pd.read_csv(small_workspace.reports / "per_category.csv", dtype={"code": str})
    assert len(table) == 25


def test_a_figure_below_its_gate_stops_the_release(small_workspace: Workspace) -> None:
    check_gates({"type_top1": 0.8, "diverted_police": 0.01}, {"type_top1": 0.8})
    with pytest.raises(GateError, match=r"type_top1 is 0\.7000, the gate is ≥ 0\.8"):
        check_gates({"type_top1": 0.7}, {"type_top1": 0.8})
    with pytest.raises(GateError, match=r"diverted_police is 0\.0200, the gate is ≤ 0\.01"):
        check_gates({"diverted_police": 0.02}, {"diverted_police": 0.01})
    params = small_workspace.params_file.read_text(encoding="utf-8")
    before = (small_workspace.bundle / "manifest.json").read_bytes()
    try:
        strict = yaml.safe_load(params) | {"gates": {"type_top1": 1.0}}
        small_workspace.params_file.write_text(yaml.safe_dump(strict), encoding="utf-8")
        with pytest.raises(GateError):
            run_export(small_workspace)
    finally:
        small_workspace.params_file.write_text(params, encoding="utf-8")
    assert (small_workspace.bundle / "manifest.json").read_bytes() == before


def test_a_corpus_with_findings_is_not_trained_on(
    small_workspace: Workspace, tmp_path: Path
) -> None:
    data = shutil.copytree(small_workspace.data, tmp_path / "data")
    with (data / "corpus" / "01.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"text": "吵架", "type": "9999", "style": "short", "batch": "a"}\n')
    with pytest.raises(CorpusError, match="1 findings in the corpus"):
        run_corpus(Workspace(data, small_workspace.params_file, tmp_path / "stages"))


def test_the_run_is_in_mlflow_with_its_model(small_workspace: Workspace) -> None:
    run = json.loads((small_workspace.stages / "run.json").read_text(encoding="utf-8"))
    mlflow.set_tracking_uri(run["tracking_uri"])
    data = mlflow.get_run(run["run_id"]).data
    assert data.params["fit.C"]
    assert 0 < data.metrics["type_top1"] < 1
    version = mlflow.MlflowClient().get_model_version("fenliu", run["registered_version"])
    assert version.run_id == run["run_id"]


def test_the_registered_model_decides_as_the_bundle(small_workspace: Workspace) -> None:
    run = json.loads((small_workspace.stages / "run.json").read_text(encoding="utf-8"))
    mlflow.set_tracking_uri(run["tracking_uri"])
    model = mlflow.pyfunc.load_model(f"models:/fenliu/{run['registered_version']}")
    text = "报警人称老板欠三个月工钱不给"
    (decision,) = model.predict(pd.DataFrame({"text": [text]}))["decision"]
    expected = Classifier.load(small_workspace.bundle).decide(text).as_dict()
    assert json.loads(decision) == json.loads(json.dumps(expected))


def test_dvc_knows_the_same_stages_in_the_same_order() -> None:
    stages = yaml.safe_load((HOME / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert list(stages) == list(STAGES)
    for name, stage in stages.items():
        assert stage["cmd"] == f"python -m training.stages {name}"
        assert all(
            (HOME / dep).exists()
            for dep in stage["deps"]
            if not dep.startswith(("models/", "reports/"))
        )


def test_dvc_repro_runs_offline_in_a_plain_checkout(
    small_workspace: Workspace, tmp_path: Path
) -> None:
    """In a copy without git or remote; the second time there is nothing to do."""
    for name in ("fenliu", "training", "serving"):
        shutil.copytree(HOME / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(small_workspace.data, tmp_path / "data")
    shutil.copy(small_workspace.params_file, tmp_path / "params.yaml")
    shutil.copy(HOME / "dvc.yaml", tmp_path)
    environment = os.environ | {
        "PYTHONPATH": str(tmp_path),
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "DVC_NO_ANALYTICS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }

    def dvc(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    dvc("init", "--no-scm")
    dvc("repro")
    assert Classifier.load(tmp_path / "models" / "bundle").decide("电瓶车被偷").type.code
    assert "Data and pipelines are up to date" in dvc("repro")


@pytest.mark.parametrize("arguments", [[], ["bake"], ["fit", "export"]])
def test_a_wrong_stage_name_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "usage" in capsys.readouterr().err


def test_a_wrong_parameter_is_named(tmp_path: Path, small_workspace: Workspace) -> None:
    params = yaml.safe_load(small_workspace.params_file.read_text(encoding="utf-8"))
    params["fit"]["C"] = "strong"
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"fit\.C"):
        read_params(path)
