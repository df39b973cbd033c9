import numpy as np
import pytest

from fenliu import paths
from fenliu.policy import OwnerSums, Policy, decide
from fenliu.red_flags import RedFlag
from fenliu.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy(paths.TAXONOMY)
OWNERS = OwnerSums(TAXONOMY)
POLICY = Policy(divert_threshold=0.9, police_threshold=0.5, clause_threshold=1)
DANGER = RedFlag("weapon", "凶器", "danger", 0, 1, "刀")
CAUTION = RedFlag("wilful_damage", "蓄意毁坏", "caution", 0, 1, "砸")


def chances(**labels: float) -> np.ndarray:  # type: ignore[type-arg]
    """Probabilities of some labels (`t0101`, `outside`); the rest share what is left."""
    given = {label.removeprefix("t"): share for label, share in labels.items()}
    rest = (1 - sum(given.values())) / (len(TAXONOMY.labels) - len(given))
    return np.array([given.get(label, rest) for label in TAXONOMY.labels], dtype=np.float32)


@pytest.mark.parametrize(
    ("probabilities", "flags", "action", "owner", "label", "reasons"),
    [
        (chances(t0101=0.97), [], "divert", "mediation_centre", "0101", ()),
        (chances(t0101=0.97), [DANGER], "dispatch_police", "police", None, ()),
        (
            chances(t0101=0.97),
            [CAUTION],
            "human_review",
            "mediation_centre",
            "0101",
            ("conflict_with_red_flag",),
        ),
        (chances(t1801=0.9), [], "dispatch_police", "police", "1801", ()),
        (
            chances(t0101=0.6, t1801=0.35),
            [],
            "human_review",
            "mediation_centre",
            "0101",
            ("low_confidence",),
        ),
        (
            chances(t0101=0.48, t1801=0.44),
            [],
            "human_review",
            "mediation_centre",
            "0101",
            ("low_confidence", "close_candidates"),
        ),
        (chances(outside=0.9), [], "human_review", "outside", None, ("outside_lists",)),
        (chances(vague=0.9), [], "human_review", "outside", None, ("too_little_information",)),
    ],
)
def test_the_order_of_the_policy(probabilities, flags, action, owner, label, reasons) -> None:  # type: ignore[no-untyped-def]
    outcome = decide(probabilities, flags, POLICY, OWNERS, TAXONOMY)
    assert (outcome.action, outcome.owner) == (action, owner)
    assert outcome.review_reasons == reasons
    assert label is None or outcome.label == label
    assert outcome.label in TAXONOMY.by_code


def test_a_red_flag_never_names_a_type_of_the_mediation_centre() -> None:
    outcome = decide(chances(t0101=0.97, t1801=0.01), [DANGER], POLICY, OWNERS, TAXONOMY)
    assert outcome.label == "1801"


def test_several_mediation_types_add_up_to_a_diversion() -> None:
    split = chances(t0101=0.33, t0102=0.32, t0108=0.32)
    assert decide(split, [], POLICY, OWNERS, TAXONOMY).action == "divert"


def test_a_policy_without_a_certificate_diverts_nothing() -> None:
    never = Policy(divert_threshold=1.01, police_threshold=0.5, clause_threshold=1)
    assert decide(chances(t0101=0.999), [], never, OWNERS, TAXONOMY).action == "human_review"


def test_owner_probabilities_are_sums_over_types() -> None:
    (sums,) = OWNERS.of(chances(t0101=0.5, t1801=0.3, outside=0.1, vague=0.1)[None, :])
    assert sums == pytest.approx([0.5, 0.3, 0.2], abs=1e-5)
