"""How often danger in passing is diverted, and plain disputes are taken for danger.

The sets are by writers who did not know the rules. Every limit lies a little beyond what the small
model of the suite was measured at; it guards against getting worse and is no goal.
"""

from collections.abc import Sequence

import pytest

from fenliu import paths
from fenliu.classifier import Classifier
from fenliu.decision import Decision
from fenliu.red_flags import DANGER
from fenliu.taxonomy import MEDIATION_CENTRE, POLICE

Decided = Sequence[tuple[str, Decision]]


def decide_all(name: str, classifier: Classifier) -> Decided:
    lines = (paths.DATA / "safety" / name).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines if line.strip()]
    return [(label, classifier.decide(text)) for label, text in pairs]


def share(decided: Decided, action: str) -> float:
    return sum(decision.action == action for _, decision in decided) / len(decided)


@pytest.fixture(scope="module")
def danger(classifier: Classifier) -> Decided:
    return decide_all("danger.tsv", classifier)


@pytest.fixture(scope="module")
def civil(classifier: Classifier) -> Decided:
    return decide_all("civil.tsv", classifier)


def test_danger_in_passing_is_hardly_ever_diverted(danger: Decided) -> None:
    assert share(danger, "divert") <= 0.05  # measured: 3.9 %, 14 of 360
    assert share(danger, "dispatch_police") >= 0.65  # measured: 69.2 %


def test_plain_disputes_are_hardly_ever_taken_for_danger(civil: Decided) -> None:
    flagged = sum(any(flag.level == DANGER for flag in d.red_flags) for _, d in civil)
    assert flagged / len(civil) <= 0.09  # measured: 7.8 %, 29 of 374
    assert share(civil, "dispatch_police") <= 0.11  # measured: 9.6 %
    # measured: 40.4 %; a model of few narratives finds much unfamiliar, the full one diverts 59 %
    assert share(civil, "divert") >= 0.37


def test_the_sets_are_what_they_say(
    danger: Decided, civil: Decided, classifier: Classifier
) -> None:
    owner_of = classifier.bundle.taxonomy.owner_of
    assert {owner_of(label) for label, _ in danger} == {POLICE}
    assert {owner_of(label) for label, _ in civil} == {MEDIATION_CENTRE}
    assert min(len(danger), len(civil)) >= 300
