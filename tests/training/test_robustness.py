"""Disturbed texts must not open a way past the police."""

import pandas as pd
import pytest

from fenliu.bundle import Bundle, load_bundle
from fenliu.classifier import Classifier
from training.noise import ROBUSTNESS
from training.robustness import LARGEST_GROWTH, measure
from training.rows import read_rows
from training.stages import Workspace


@pytest.fixture(scope="module")
def measured(small_workspace: Workspace) -> pd.DataFrame:
    bundle: Bundle = load_bundle(small_workspace.bundle)
    rows = read_rows(small_workspace.stages / "test.jsonl")
    return measure(bundle, rows, seed=1).set_index("disturbance")


@pytest.mark.parametrize("name", ROBUSTNESS)
def test_police_matters_are_not_diverted_more_often(measured: pd.DataFrame, name: str) -> None:
    assert measured.loc[name, "growth"] <= LARGEST_GROWTH


@pytest.mark.parametrize("name", ["spaces", "traditional", "full_width"])
def test_what_only_looks_different_changes_nothing(measured: pd.DataFrame, name: str) -> None:
    plain = measured.loc["as written"]
    assert measured.loc[name].to_dict() == pytest.approx(plain.to_dict(), abs=1e-9)


@pytest.mark.parametrize(
    "danger",
    ["他拿刀砍我", "他昨晚又打了我一顿", "现在有人要跳楼", "他把孩子锁在屋里不让出来"],
)
def test_danger_behind_a_long_civil_story_is_not_diverted(
    classifier: Classifier, danger: str
) -> None:
    story = (
        "我家楼上漏水漏了半年了，天花板都泡坏了，找他赔钱他说没钱，物业也来看过，居委会也调解过，"
        "每次都说下个月修，一直拖到现在也没有人管，墙纸和地板算下来要五千块，"
    )
    for text in (f"{story}{danger}", " ".join(f"{story}{danger}")):
        decision = classifier.decide(text)
        assert decision.action != "divert"
        assert decision.red_flags
