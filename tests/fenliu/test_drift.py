import json
import math
from dataclasses import replace

import numpy as np
import pytest

from fenliu.classifier import Classifier
from fenliu.drift import (
    ACTION,
    CATEGORY,
    INPUTS,
    LENGTH,
    MINIMUM,
    UNKNOWN_SHARE,
    Drift,
    Seen,
    Shift,
    compare,
    look_at,
    make_profile,
    profile_of,
)
from fenliu.errors import BundleError
from fenliu.taxonomy import Taxonomy


@pytest.fixture
def taxonomy(classifier: Classifier) -> Taxonomy:
    return classifier.bundle.taxonomy


def calls(count: int, seed: int, taxonomy: Taxonomy, length: float = 30) -> list[Seen]:
    generator = np.random.default_rng(seed)
    codes = [kind.code for kind in taxonomy.types]
    return [
        Seen(
            int(generator.gamma(2, length / 2)) + 1,
            float(max(0, generator.normal(0.02, 0.05))),
            str(generator.choice(codes)),
            str(generator.choice(["divert", "dispatch_police", "human_review"], p=[0.3, 0.5, 0.2])),
        )
        for _ in range(count)
    ]


def test_the_same_calls_show_no_drift(taxonomy: Taxonomy) -> None:
    seen = calls(2000, 1, taxonomy)
    drift = compare(make_profile(seen), seen, taxonomy)
    assert [shift.input for shift in drift.shifts] == list(INPUTS)
    assert all(shift.psi == pytest.approx(0, abs=1e-9) for shift in drift.shifts)
    assert drift.state == "stable"


def test_other_calls_of_the_same_kind_are_stable_even_at_the_minimum(taxonomy: Taxonomy) -> None:
    profile = make_profile(calls(5000, 1, taxonomy))
    for seed in range(20, 40):
        drift = compare(profile, calls(MINIMUM, seed, taxonomy), taxonomy)
        assert drift.state == "stable", drift


def test_the_index_is_the_sum_over_the_classes(taxonomy: Taxonomy) -> None:
    before = [Seen(1, 0.0, "0101", action) for action in ["divert"] * 800 + ["human_review"] * 200]
    after = [Seen(1, 0.0, "0101", action) for action in ["divert"] * 500 + ["human_review"] * 500]
    (shift,) = [
        s for s in compare(make_profile(before), after, taxonomy).shifts if s.input == ACTION
    ]
    by_hand = (0.5 - 0.8) * math.log(0.5 / 0.8) + (0.5 - 0.2) * math.log(0.5 / 0.2)
    assert shift.psi == pytest.approx(by_hand, rel=0.02)
    assert shift.state == "drifted"
    assert shift.moved == "human_review"
    assert (shift.expected_share, shift.observed_share) == pytest.approx((0.2, 0.5), abs=0.01)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"length": 400}, LENGTH),
        ({"unknown_share": 0.9}, UNKNOWN_SHARE),
        ({"type_code": "0602"}, CATEGORY),
        ({"action": "human_review"}, ACTION),
    ],
)
def test_each_input_shows_its_own_drift(
    taxonomy: Taxonomy, changed: dict[str, object], what: str
) -> None:
    seen = calls(2000, 1, taxonomy)
    half = [replace(entry, **changed) for entry in seen[:1000]] + seen[1000:]  # type: ignore[arg-type]
    drift = compare(make_profile(seen), half, taxonomy)
    assert {shift.input for shift in drift.shifts if shift.state == "drifted"} == {what}
    assert drift.state == "drifted"


@pytest.mark.parametrize(
    ("psi", "state"),
    [(0.0, "stable"), (0.099, "stable"), (0.1, "changed"), (0.25, "changed"), (0.26, "drifted")],
)
def test_the_thresholds(psi: float, state: str) -> None:
    shift = Shift(LENGTH, psi, "", 0, 0)
    assert shift.state == Drift(1, 1, (shift, Shift(ACTION, 0, "", 0, 0))).state == state


def test_too_few_decisions_say_nothing(taxonomy: Taxonomy) -> None:
    profile = make_profile(calls(2000, 1, taxonomy))
    for seen in ([], calls(MINIMUM - 1, 2, taxonomy, length=500)):
        drift = compare(profile, seen, taxonomy)
        assert (drift.state, drift.shifts, drift.decisions) == ("too_few", (), len(seen))


def test_values_that_are_all_equal_can_be_compared(taxonomy: Taxonomy) -> None:
    seen = [Seen(10, 0.0, "0101", "divert")] * MINIMUM
    profile = make_profile(seen)
    assert compare(profile, seen, taxonomy).state == "stable"
    longer = [replace(entry, length=11) for entry in seen]
    assert compare(profile, longer, taxonomy).shifts[0].state == "drifted"


def test_a_narrative_is_looked_at_as_the_model_sees_it(classifier: Classifier) -> None:
    known = look_at("老板欠工资", "0601", "divert", classifier.bundle.scorer)
    unknown = look_at("qwxz", "0601", "divert", classifier.bundle.scorer)
    assert (known.length, known.unknown_share) == (5, 0)
    assert (unknown.length, unknown.unknown_share) == (4, 1)


def test_a_profile_survives_the_manifest(classifier: Classifier, taxonomy: Taxonomy) -> None:
    profile = make_profile(calls(1000, 1, taxonomy))
    written = json.loads(json.dumps(profile.as_dict()))
    bundle = replace(classifier.bundle, manifest={"profile": written})
    assert profile_of(bundle) == profile


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        ({}, "has no profile"),
        ({"profile": {}}, "cannot be read"),
        ({"profile": []}, "cannot be read"),
        (
            {
                "profile": {
                    "calls": 1,
                    "length": {"edges": [], "counts": [1]},
                    "unknown_share": {"edges": [1], "counts": [1, 0]},
                    "types": {},
                    "actions": {},
                }
            },
            "one count more",
        ),
    ],
)
def test_a_bundle_without_a_usable_profile_says_so(
    classifier: Classifier, manifest: dict[str, object], says: str
) -> None:
    with pytest.raises(BundleError, match=says) as caught:
        profile_of(replace(classifier.bundle, manifest=manifest))
    assert "uv run dvc repro" in str(caught.value)
