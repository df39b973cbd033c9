import warnings
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from mapie.risk_control import (
    BinaryClassificationController,
    BinaryRisk,
    FWERFixedSequenceTesting,
    control_fwer,
)
from scipy.stats import binom, binomtest

from fenliu import paths
from fenliu.assessment import Assessment
from fenliu.policy import OwnerSums, Policy, decide
from fenliu.scorer import Features
from fenliu.taxonomy import load_taxonomy
from training.certify import NEVER, CertifySettings, Scored, certify, exact_upper_bound, sweep

FloatArray = npt.NDArray[np.float64]

TAXONOMY = load_taxonomy(paths.TAXONOMY)
SETTINGS = CertifySettings(
    alpha=0.01, delta=0.05, police_threshold=0.5, clause_threshold=1, as_they_come=True, seed=1
)

NOTHING = Features([], [], np.empty(0, dtype=np.uint32))


def scored(types: list[str], mediation: list[float]) -> Scored:
    """Calls with a given probability of one mediation type; the rest is police."""
    probabilities = np.zeros((len(types), len(TAXONOMY.labels)), dtype=np.float32)
    probabilities[:, TAXONOMY.labels.index("0101")] = mediation
    probabilities[:, TAXONOMY.labels.index("1701")] = 1 - probabilities.sum(axis=1)
    return Scored(types, [Assessment(row, [], NOTHING) for row in probabilities])


def test_the_bound_is_the_exact_binomial_one() -> None:
    assert exact_upper_bound(0, 299, 0.05) == pytest.approx(1 - 0.05 ** (1 / 299))
    bound = exact_upper_bound(3, 500, 0.05)
    assert binom.cdf(3, 500, bound) == pytest.approx(0.05)
    assert exact_upper_bound(5, 5, 0.05) == 1.0


def test_a_safe_threshold_is_found_and_an_unsafe_one_is_not_used() -> None:
    # Above 0.8 all is well; below it half of the calls are police matters.
    types = ["0101"] * 600 + ["1701", "0101"] * 100
    policy = certify(scored(types, [0.9] * 600 + [0.68] * 200), SETTINGS, TAXONOMY)
    assert 0.68 < policy.divert_threshold <= 0.9
    certificate = policy.certificate
    assert certificate["certified"]
    assert certificate["diverted"] == 600
    assert certificate["police_among_diverted"] == 0
    assert certificate["upper_bound"] < 0.01
    assert certificate["mediation_coverage"] == pytest.approx(600 / 700, abs=1e-4)


def test_too_few_calls_prove_nothing() -> None:
    policy = certify(scored(["0101"] * 200, [0.99] * 200), SETTINGS, TAXONOMY)
    assert policy.divert_threshold == NEVER
    assert policy.certificate["certified"] is False
    outcome = decide(
        scored(["0101"], [1.0]).assessments[0].probabilities,
        [],
        policy,
        OwnerSums(TAXONOMY),
        TAXONOMY,
    )
    assert outcome.action == "human_review"


def test_the_promise_is_kept_as_often_as_it_says() -> None:
    """A model whose confidence is its true risk: certificates fail in at most delta of cases."""
    generator = np.random.default_rng(7)
    broken = 0
    rounds = 60
    for _ in range(rounds):
        confidence = generator.uniform(0.9, 1.0, 1500)
        # The true chance of a police matter rises quickly below 0.97.
        danger = np.clip(0.97 - confidence, 0, 1) * 0.4 + 0.002
        police = generator.random(1500) < danger
        types = ["1701" if bad else "0101" for bad in police]
        policy = certify(scored(types, confidence.tolist()), SETTINGS, TAXONOMY)
        truth = danger[confidence >= policy.divert_threshold]
        broken += len(truth) > 0 and truth.mean() > SETTINGS.alpha
    assert broken / rounds <= 0.15  # 0.05 is promised; three standard errors above it


def settings_of(alpha: float) -> CertifySettings:
    return replace(SETTINGS, alpha=alpha)


def random_calls(seed: int) -> tuple[list[str], list[float]]:
    """Calls whose risk rises as confidence falls, some of them very confident and wrong."""
    generator = np.random.default_rng(seed)
    confidence = generator.beta(8, 1.2, int(generator.integers(300, 1500)))
    danger = generator.uniform(0, 0.1) * (1 - confidence) ** 0.7 + generator.uniform(0, 0.01)
    types = ["1701" if bad else "0101" for bad in generator.random(len(confidence)) < danger]
    return types, confidence.tolist()


@pytest.mark.parametrize("alpha", [0.005, 0.015, 0.05])
@pytest.mark.parametrize("seed", range(4))
def test_no_certified_threshold_has_a_bound_above_alpha(seed: int, alpha: float) -> None:
    """Clopper-Pearson, counted anew from the decisions at the certified threshold."""
    sample = scored(*random_calls(seed))
    policy = certify(sample, settings_of(alpha), TAXONOMY)
    owners = OwnerSums(TAXONOMY)
    diverted = [
        label
        for label, entry in zip(sample.types, sample.assessments, strict=True)
        if decide(entry.probabilities, entry.flags, policy, owners, TAXONOMY).action == "divert"
    ]
    if not policy.certificate["certified"]:
        assert diverted == []
        return
    assert len(diverted) == policy.certificate["diverted"]
    bound = binomtest(diverted.count("1701"), len(diverted), alternative="less").proportion_ci(
        0.95, method="exact"
    )
    assert bound.high <= alpha
    assert bound.high == pytest.approx(policy.certificate["upper_bound"], abs=1e-5)


@pytest.mark.parametrize("alpha", [0.005, 0.015, 0.05])
@pytest.mark.parametrize("seed", range(4))
def test_mapie_certifies_the_same_and_never_more(seed: int, alpha: float) -> None:
    """The same hypotheses by an independent implementation of Learn-then-Test.

    MAPIE takes the smaller of Hoeffding's and Bentkus's p-value; for a risk of noughts and ones the
    latter is the exact binomial tail, which is never the larger. So both test the same, but for
    these differences:

    - MAPIE's walk begins at the first threshold and ends at once where too little is diverted to
      prove anything; ours begins where enough is. So it is given the grid from there.
    - MAPIE rounds share times calls up, so that an error of rounding can count as one more error:
      it may stop earlier, but never goes further.
    - Its controller walks from the end where the observed risk is lower, which looks at the labels
      that it then tests on; ours always walks from strict to loose. So its walk is called by
      itself here.
    - Bonferroni-Holm, its default, pays for the size of the grid, but is not stopped by a single
      bad threshold on the way.
    """
    types, mediation = random_calls(seed)
    sample = scored(types, mediation)
    ours = certify(sample, settings_of(alpha), TAXONOMY).divert_threshold
    points = sweep(sample, Policy(NEVER, 0.5, 1), TAXONOMY)
    enough = np.log(0.05) / np.log(1 - alpha)
    tested = [point for point in points if point.diverted >= enough]
    if not tested:
        assert ours == NEVER
        return
    grid = np.array([point.threshold for point in tested])
    theirs = mapie_p_values(types, mediation, grid, alpha)
    exact = [binom.cdf(point.police_diverted, point.diverted, alpha) for point in tested]
    rounded_up = [binom.cdf(point.police_diverted + 1, point.diverted, alpha) for point in tested]
    for p_value, low, high in zip(theirs, exact, rounded_up, strict=True):
        assert low * (1 - 1e-9) <= p_value <= high * (1 + 1e-9)
    walked = control_fwer(theirs, 0.05, fwer_method=FWERFixedSequenceTesting(n_starts=1))
    assert min(grid[walked], default=NEVER) >= ours
    if np.allclose(theirs, exact):
        assert min(grid[walked], default=NEVER) == ours
    for place in control_fwer(theirs, 0.05, fwer_method="bonferroni_holm"):
        assert (
            exact_upper_bound(tested[place].police_diverted, tested[place].diverted, 0.05) <= alpha
        )


def mapie_p_values(
    types: list[str], mediation: list[float], grid: FloatArray, alpha: float
) -> FloatArray:
    """P-values that police matters among the diverted are more than alpha, for each threshold."""
    # As our scorer and policy see the confidence, in single precision.
    chance = np.array(mediation, dtype=np.float32).astype(float)
    controller = BinaryClassificationController(
        predict_function=lambda x: np.column_stack((1 - x, x)),
        risk=BinaryRisk(
            risk_occurrence=lambda truth, diverted: truth == 1,
            risk_condition=lambda truth, diverted: diverted == 1,
            higher_is_better=False,
        ),
        target_level=alpha,
        confidence_level=0.95,
        best_predict_param_choice="recall",
        list_predict_params=grid,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where nothing can be controlled
        controller.calibrate(chance, np.array([label == "1701" for label in types], dtype=int))
    return np.asarray(controller.p_values)[:, 0]
