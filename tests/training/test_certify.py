import numpy as np
import pytest
from scipy.stats import binom

from fenliu import paths
from fenliu.assessment import Assessment
from fenliu.policy import OwnerSums, decide
from fenliu.scorer import Features
from fenliu.taxonomy import load_taxonomy
from training.certify import NEVER, CertifySettings, Scored, certify, exact_upper_bound

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
