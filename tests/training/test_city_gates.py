from pathlib import Path

import pytest

from fenliu.bundle import Bundle, load_bundle
from fenliu.errors import GateError
from tests.training.test_scoring import scores
from training.city_gates import question
from training.scoring import Scores


@pytest.fixture
def bundle(bundle_path: Path) -> Bundle:
    """Certified at 5 %."""
    loaded = load_bundle(bundle_path)
    loaded.policy.certificate.update(certified=True, alpha=0.05)
    return loaded


def judged(right: int, wrong: int, police_diverted: int = 0) -> Scores:
    cases = [("0101", "0101", "divert")] * right + [("0101", "1801", "human_review")] * wrong
    return scores(cases + [("1801", "0101", "divert")] * police_diverted)


def test_a_bundle_that_is_as_good_and_keeps_its_promise_passes(bundle: Bundle) -> None:
    assert question(bundle, judged(95, 5, 4), judged(95, 5, 4)).missed == ()
    assert question(bundle, judged(95, 5), None).missed == ()


def test_a_little_worse_by_chance_passes_and_clearly_worse_does_not(bundle: Bundle) -> None:
    assert question(bundle, judged(94, 6), judged(95, 5)).missed == ()
    missed = question(bundle, judged(75, 25), judged(95, 5)).missed
    assert [finding.split()[0] for finding in missed] == ["type", "category", "owner"]
    assert "20.0% below that of the bundle in force" in missed[0]


def test_calls_that_refute_the_certificate_stop_the_bundle(bundle: Bundle) -> None:
    # 6 of 56 is above 5 %, but may be chance; 14 of 64 can hardly be.
    assert question(bundle, judged(50, 0, 6), None).missed == ()
    findings = question(bundle, judged(50, 0, 14), None)
    with pytest.raises(GateError, match=r"14 of 64 diverted calls .* refutes the certified 5\.00%"):
        findings.raise_if_missed()


def test_without_a_certificate_there_is_nothing_to_refute(bundle: Bundle) -> None:
    bundle.policy.certificate.update(certified=False)
    assert question(bundle, judged(50, 0, 14), None).missed == ()
