"""A city's calls through the whole pipeline: two real trainings, and what is refused before one."""

import json
import os
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml

from fenliu import paths
from fenliu.bundle import load_bundle
from fenliu.classifier import Classifier
from fenliu.errors import ConfigurationError, CorpusError, FenliuError, GateError, InvalidInput
from tests.conftest import ROWS_PER_TYPE_AND_BATCH
from training.calls import Columns
from training.city_calls import CALIBRATION, TEST, TRAIN, side_of
from training.corpus import read_corpus
from training.noise import typing_errors
from training.retrain import Home, Request, train
from training.rows import Row, read_rows
from training.stages import Workspace

COLUMNS = Columns("报警内容", "情形")
BAD_ROWS = [("吵架", "夫妻打架类"), ("", "0101"), ("噪音\x07扰民", "0203")]


def city_rows(batches: tuple[str, ...], per_type: int) -> list[Row]:
    """Narratives that the small corpus leaves out, mistyped, so that they resemble none of it."""
    generator = np.random.default_rng(5)
    found: dict[tuple[str, str], list[Row]] = {}
    for entry in read_corpus(paths.CORPUS):
        if entry.row.batch in batches:
            found.setdefault((entry.row.type, entry.row.batch), []).append(entry.row)
    return [
        Row(typing_errors(row.text, generator), row.type, row.style, row.batch)
        for rows in found.values()
        for row in rows[ROWS_PER_TYPE_AND_BATCH : ROWS_PER_TYPE_AND_BATCH + per_type]
    ]


def write_csv(path: Path, rows: list[Row], bad: list[tuple[str, str]]) -> Path:
    pairs = [(row.text, row.type) for row in rows] + bad
    table = pd.DataFrame(pairs, columns=[COLUMNS.text, COLUMNS.type])
    table.to_csv(path, index=False, encoding="gb18030")
    return path


def home_of(workspace: Workspace) -> Home:
    return Home(workspace.data, workspace.params_file, workspace.bundle)


@pytest.fixture(scope="module")
def city(small_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder after training on 460 calls beside the small corpus."""
    folder = tmp_path_factory.mktemp("city")
    rows = city_rows(("shift",), 4)
    calls = write_csv(folder / "calls.csv", rows + rows[:20], BAD_ROWS)
    train(Request(calls, COLUMNS, folder / "out", False, 2.0), home_of(small_workspace))
    return folder / "out"


def test_the_bundle_decides_and_says_on_what_it_was_trained(city: Path) -> None:
    bundle = load_bundle(city / "bundle")
    params = bundle.manifest["params"]
    assert params["fit"]["batch_weights"] == {TRAIN: 2.0}
    assert params["split"]["test_batches"] == ["shift"]
    assert params["split"]["calibration_batches"] == ["night", "dawn", CALIBRATION]
    assert params["gates"] == {"type_top1": 0.4}
    # So few calls prove nothing about the city by themselves.
    assert bundle.policy.certificate["provisional"] is True
    decision = Classifier.load(city / "bundle").decide("报警人称老板欠三个月工钱不给")
    assert decision.type.category_code == "06"


def test_no_call_that_judges_was_trained_on(city: Path) -> None:
    batches = {row.batch for row in read_rows(city / "stages" / "train.jsonl")}
    assert TRAIN in batches
    assert not batches & {CALIBRATION, TEST, "shift", "night", "dawn"}
    trained = {row.text for row in read_rows(city / "stages" / "train.jsonl")}
    judging = read_rows(city / "stages" / "city-test.jsonl")
    assert judging
    assert all(side_of(row.text) == TEST for row in judging)
    assert not trained & {row.text for row in judging}


def test_bad_rows_are_listed_and_the_narratives_are_not(city: Path) -> None:
    rejects = pd.read_csv(city / "rejects.csv")
    assert len(rejects) == len(BAD_ROWS)
    assert "夫妻打架类" in rejects["reason"][0]
    assert "噪音" not in (city / "rejects.csv").read_text(encoding="utf-8-sig")


def test_the_run_is_in_mlflow_with_the_citys_figures(city: Path) -> None:
    run = json.loads((city / "stages" / "run.json").read_text(encoding="utf-8"))
    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    data = mlflow.get_run(run["run_id"]).data
    figures = json.loads((city / "reports" / "city" / "metrics.json").read_text("utf-8"))
    assert data.metrics["city_type_top1"] == figures["type_top1"]
    assert data.metrics["city_calls"] == len(read_rows(city / "stages" / "city-test.jsonl"))
    assert data.tags["model_version"] == load_bundle(city / "bundle").model_version


def test_a_bundle_that_is_worse_than_the_one_in_force_leaves_it_in_place(
    city: Path, small_workspace: Workspace, tmp_path: Path
) -> None:
    """Trained on some 3,500 calls alone, against a bundle that knew the corpus as well."""
    before = (city / "bundle" / "manifest.json").read_bytes()
    calls = write_csv(tmp_path / "calls.csv", city_rows(("street", "caller"), 15), [])
    request = Request(calls, COLUMNS, city, alone=True, weight=1.0)
    with pytest.raises(GateError) as refused:
        train(request, home_of(small_workspace))
    assert str(refused.value).startswith("not released: type accuracy on the city's calls is ")
    assert str(refused.value).endswith(f"{city / 'bundle'} is as it was")
    assert (city / "bundle" / "manifest.json").read_bytes() == before
    candidate = load_bundle(city / "stages" / "candidate").manifest["params"]
    assert candidate["split"] == {"calibration_batches": [CALIBRATION], "test_batches": [TEST]}
    assert candidate["certify"]["as_they_come"] is True
    assert candidate["gates"] == {}
    assert not (city / "stages" / "run.json").exists()


@pytest.mark.parametrize(
    ("content", "changed", "error", "says"),
    [
        ("", {}, CorpusError, "the file is empty"),
        ("text,label\n吵架,0101\n", {}, CorpusError, "has no column '报警内容'"),
        ("报警内容,情形\n吵架,9\n,0101\n", {}, CorpusError, "no usable row: 2 were set aside"),
        ("报警内容,情形\n吵架,0101\n", {"alone": True}, CorpusError, "--alone needs 10 different"),
        ("报警内容,情形\n吵架,0101\n", {"weight": float("nan")}, InvalidInput, "--weight"),
        ("报警内容,情形\n吵架,0101\n", {"weight": -1.0}, InvalidInput, "--weight"),
        ("报警内容,情形\n吵架,0101\n", {"output": paths.MODELS}, InvalidInput, "--output"),
    ],
)
def test_what_cannot_be_trained_on_is_said_at_once(
    tmp_path: Path, content: str, changed: dict[str, object], error: type[FenliuError], says: str
) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text(content, encoding="utf-8")
    given = {"output": tmp_path / "out", "alone": False, "weight": 1.0} | changed
    with pytest.raises(error, match=says) as caught:
        train(Request(calls, COLUMNS, **given))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "bundle").exists()


def test_a_file_of_only_bad_rows_still_says_why(tmp_path: Path) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text("text,type\n吵架,9\n,0101\n", encoding="utf-8")
    with pytest.raises(CorpusError):
        train(Request(calls, Columns(), tmp_path / "out", False, 1.0))
    assert len(pd.read_csv(tmp_path / "out" / "rejects.csv")) == 2


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ConfigurationError, match=r"--output .* cannot be made: File exists"):
        train(Request(tmp_path / "calls.csv", COLUMNS, tmp_path / "out", False, 1.0))


def test_the_parameters_of_the_project_are_not_touched(small_workspace: Workspace) -> None:
    settings = yaml.safe_load(small_workspace.params_file.read_text(encoding="utf-8"))
    assert settings["fit"]["batch_weights"] == {}
    assert settings["split"]["test_batches"] == ["shift"]
