import numpy as np
import pytest

from fenliu import paths
from fenliu.assessment import Assessment
from fenliu.policy import Outcome
from fenliu.scorer import Features
from fenliu.taxonomy import load_taxonomy
from training.scoring import Judged, Scores

TAXONOMY = load_taxonomy(paths.TAXONOMY)

NOTHING = Features([], [], np.empty(0, dtype=np.uint32))


def scores(cases: list[tuple[str, str, str]]) -> Scores:
    """From (right label, predicted label, action)."""
    probabilities = np.full((len(cases), len(TAXONOMY.labels)), 1e-6)
    for place, (_, predicted, _) in enumerate(cases):
        probabilities[place, TAXONOMY.labels.index(predicted)] = 1.0
    outcomes = [Outcome(action, "police", "1701") for _, _, action in cases]
    assessments = [Assessment(row, [], NOTHING) for row in probabilities]
    types = [right for right, _, _ in cases]
    return Scores(Judged(["x"] * len(cases), types, assessments, outcomes), TAXONOMY)


CASES = [
    ("0101", "0101", "divert"),
    ("0101", "0102", "divert"),
    ("0301", "0301", "human_review"),
    ("1801", "0101", "divert"),
    ("1801", "1801", "dispatch_police"),
    ("outside", "vague", "human_review"),
]


def test_summary_counts_what_it_says() -> None:
    summary = scores(CASES).summary()
    assert summary["type_top1"] == 0.5
    assert summary["category"] == pytest.approx(4 / 6, abs=1e-5)
    assert summary["owner"] == pytest.approx(5 / 6, abs=1e-5)
    assert summary["diverted"] == 3
    assert summary["diverted_police"] == pytest.approx(1 / 3, abs=1e-5)
    assert summary["police_diverted"] == 0.5
    assert summary["mediation_diverted"] == pytest.approx(2 / 3, abs=1e-5)
    assert summary["human_review"] == pytest.approx(1 / 3, abs=1e-5)


def test_tables_hold_every_category_and_type() -> None:
    found = scores(CASES)
    by_type = found.per_type().set_index("code")
    assert len(by_type) == len(TAXONOMY.labels)
    assert by_type.loc["0101", "recall"] == 0.5
    assert by_type.loc["0101", "precision"] == 0.5
    by_category = found.per_category().set_index("code")
    assert set(by_category.index) == {c.code for c in TAXONOMY.categories} | {"outside", "vague"}
    assert by_category.loc["01", "accuracy"] == 1.0
    assert by_category.loc["01", "type_accuracy"] == 0.5


def test_owner_table_shows_where_each_owner_went() -> None:
    table = scores(CASES).owner_table()
    assert table.loc["police", "divert"] == 1
    assert table.loc["mediation_centre", "divert"] == 2
    assert table.to_numpy().sum() == len(CASES)


def test_bootstrap_encloses_the_figure() -> None:
    found = scores(CASES * 30)
    right = found.predicted == found.target
    low, high = found.bootstrap(lambda rows: float(right[rows].mean()), rounds=200, seed=1)
    assert low < 0.5 < high
    assert high - low < 0.25
