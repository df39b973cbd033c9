"""`fenliu policy`: what a sweep shows, and a certificate on calls of a city."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from fenliu.bundle import load_bundle
from fenliu.classifier import Classifier
from fenliu.cli import app
from fenliu.errors import CorpusError, InvalidInput
from fenliu.taxonomy import MEDIATION_CENTRE
from training.calls import Columns
from training.certify import GRID, NEVER
from training.policy_command import certify_bundle, print_sweep
from training.rows import Row, read_rows, write_rows
from training.stages import Workspace

CIVIL = "报警人称老板欠三个月工钱不给"


@pytest.fixture
def own_bundle(small_workspace: Workspace, tmp_path: Path) -> Path:
    """A copy of the small bundle that may be changed."""
    return Path(shutil.copytree(small_workspace.bundle, tmp_path / "bundle"))


@pytest.fixture
def calls(small_workspace: Workspace, tmp_path: Path) -> Path:
    """Held-out rows as a city's calls: all its mediation matters, every fifth of the others."""
    taxonomy = load_bundle(small_workspace.bundle).taxonomy
    rows = read_rows(small_workspace.stages / "test.jsonl")
    rows += read_rows(small_workspace.stages / "calibration.jsonl")
    civil = [r for r in rows if taxonomy.owner_of(r.type) == MEDIATION_CENTRE]
    others = [r for r in rows if taxonomy.owner_of(r.type) != MEDIATION_CENTRE][::5]
    write_rows(tmp_path / "calls.jsonl", [*civil, *others])
    return tmp_path / "calls.jsonl"


def test_a_citys_calls_certify_without_retraining(
    own_bundle: Path, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = load_bundle(own_bundle)
    assert before.policy.certificate["provisional"] is True
    assert certify_bundle(own_bundle, calls, Columns(), alpha=0.05, delta=0.05) == 0
    after = load_bundle(own_bundle)
    assert after.model_version == before.model_version
    assert after.policy_version != before.policy_version
    certificate = after.policy.certificate
    assert certificate["certified"] is True
    assert certificate["provisional"] is False
    assert certificate["upper_bound"] <= certificate["alpha"] == 0.05
    assert "calls.jsonl" in certificate["data"]
    assert after.policy.divert_threshold == certificate["threshold"] in GRID
    assert Classifier.load(own_bundle).decide(CIVIL).policy_version == after.policy_version
    assert after.policy_version in capsys.readouterr().out


def test_too_few_calls_certify_nothing_and_nothing_is_diverted(
    own_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path / "few.jsonl", [Row(CIVIL, "0601", "short", "x")] * 50)
    assert Classifier.load(own_bundle).decide(CIVIL).action == "divert"
    assert certify_bundle(own_bundle, tmp_path / "few.jsonl", Columns(), None, None) == 1
    after = load_bundle(own_bundle)
    assert after.policy.divert_threshold == NEVER
    assert after.policy.certificate["certified"] is False
    assert Classifier.load(own_bundle).decide(CIVIL).action == "human_review"
    assert "Not certified" in capsys.readouterr().out


def test_unusable_calls_leave_the_bundle_as_it_was(own_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("text,type\n吵架,9\n", encoding="utf-8")
    before = (own_bundle / "policy.json").read_bytes()
    with pytest.raises(CorpusError):
        certify_bundle(own_bundle, tmp_path / "bad.csv", Columns(), None, None)
    assert (own_bundle / "policy.json").read_bytes() == before


def test_calls_that_were_trained_on_certify_nothing(small_workspace: Workspace) -> None:
    before = (small_workspace.bundle / "policy.json").read_bytes()
    with pytest.raises(CorpusError, match="calls were trained on and prove nothing"):
        data = small_workspace.stages / "train.jsonl"
        certify_bundle(small_workspace.bundle, data, Columns(), None, None)
    assert (small_workspace.bundle / "policy.json").read_bytes() == before


@pytest.mark.parametrize("option", ["--alpha", "--delta"])
@pytest.mark.parametrize("value", ["0", "1", "-0.1", "3", "nan"])
def test_a_risk_that_is_no_share_is_refused(option: str, value: str) -> None:
    arguments = ["policy", "certify", "--data", "x.csv", option, value]
    with pytest.raises(InvalidInput, match=f"{option}: must lie between 0 and 1"):
        app(arguments, standalone_mode=False)


def test_a_sweep_is_printed_drawn_and_saved(
    own_bundle: Path, calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot, table = tmp_path / "sweep.png", tmp_path / "sweep.csv"
    print_sweep(own_bundle, calls, Columns(), plot, table)
    points = pd.read_csv(table)
    assert tuple(points["threshold"]) == GRID
    for column in ("diverted", "police_diverted", "mediation_diverted"):
        assert points[column].is_monotonic_increasing
    assert points["human_review"].is_monotonic_decreasing
    with Image.open(plot) as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
    printed = capsys.readouterr().out
    assert f"in force: {load_bundle(own_bundle).policy.divert_threshold:g}" in printed
    assert "upper bound" in printed


def test_the_rows_beside_the_bundle_stand_in_for_calls(
    small_workspace: Workspace, own_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_sweep(small_workspace.bundle, None, Columns(), None, None)
    sample = load_bundle(small_workspace.bundle).policy.certificate["calls"]
    assert f"{sample} calls" in capsys.readouterr().out
    with pytest.raises(CorpusError, match="name labelled calls with --data"):
        print_sweep(own_bundle, None, Columns(), None, None)
