"""Stage 5: choose the divert threshold, and prove its risk.

Learn-then-Test (Angelopoulos et al., 2021) with fixed-sequence testing. For a threshold t, let D(t)
calls of the sample be diverted and K(t) of them be police matters. If the true share of police
matters among the diverted were above α, K would be at most what was seen with probability at most
P(Bin(D, α) ≤ K). Thresholds are tried from strict to loose and the walk ends at the first whose
p-value is above δ; the last one before it holds with confidence 1 − δ, with no price for the grid.
The walk starts where D is large enough to prove anything at all, which looks at no label.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import beta, binom

from fenliu.assessment import Assessment
from fenliu.policy import DIVERT, OwnerSums, Policy, decide
from fenliu.taxonomy import MEDIATION_CENTRE, POLICE, Taxonomy

# Above every probability: diverts nothing.
NEVER = 1.01
GRID = tuple(
    float(t)
    for t in np.round(
        np.concatenate(([0.999, 0.998, 0.997, 0.996], np.arange(0.995, 0.495, -0.005))), 3
    )
)


@dataclass(frozen=True)
class CertifySettings:
    """Section `certify` of params.yaml, where each value is explained."""

    alpha: float
    delta: float
    police_threshold: float
    clause_threshold: float
    as_they_come: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Scored:
    """Calls with their labels and what was assessed of each."""

    types: Sequence[str]
    assessments: Sequence[Assessment]


@dataclass(frozen=True, slots=True)
class Point:
    """What one threshold does to a sample."""

    threshold: float
    diverted: int
    police_diverted: int
    mediation_diverted: int
    human_review: int


def exact_upper_bound(errors: int, trials: int, delta: float) -> float:
    """Clopper-Pearson: the rate that `errors` of `trials` exclude from above with 1 − delta."""
    return 1.0 if errors >= trials else float(beta.ppf(1 - delta, errors + 1, trials - errors))


def sweep(scored: Scored, policy: Policy, taxonomy: Taxonomy) -> list[Point]:
    """The policy at every threshold of the grid, from strict to loose."""
    owners = OwnerSums(taxonomy)
    return [_point(scored, replace(policy, divert_threshold=t), owners, taxonomy) for t in GRID]


def _point(scored: Scored, policy: Policy, owners: OwnerSums, taxonomy: Taxonomy) -> Point:
    actions = [
        decide(assessment.probabilities, assessment.flags, policy, owners, taxonomy).action
        for assessment in scored.assessments
    ]
    truth = [taxonomy.owner_of(label) for label in scored.types]
    diverted = [owner for owner, action in zip(truth, actions, strict=True) if action == DIVERT]
    return Point(
        threshold=policy.divert_threshold,
        diverted=len(diverted),
        police_diverted=diverted.count(POLICE),
        mediation_diverted=diverted.count(MEDIATION_CENTRE),
        human_review=actions.count("human_review"),
    )


def certify(
    sample: Scored,
    settings: CertifySettings,
    taxonomy: Taxonomy,
    progress: Callable[[str], None] = lambda _: None,
) -> Policy:
    """The loosest threshold that is certified on a sample of independent, realistic calls.

    Where none is, the policy diverts nothing and its certificate says so.
    """
    draft = Policy(NEVER, settings.police_threshold, settings.clause_threshold)
    points = sweep(sample, draft, taxonomy)
    enough = np.log(settings.delta) / np.log(1 - settings.alpha)
    best: Point | None = None
    for point in points:
        if point.diverted < enough:
            continue
        p_value = float(binom.cdf(point.police_diverted, point.diverted, settings.alpha))
        progress(f"threshold {point.threshold}: p = {p_value:.4f}")
        if p_value > settings.delta:
            break
        best = point
    return replace(
        draft,
        divert_threshold=best.threshold if best else NEVER,
        certificate=_certificate(best, sample, settings, taxonomy),
    )


def _certificate(
    point: Point | None, sample: Scored, settings: CertifySettings, taxonomy: Taxonomy
) -> dict[str, Any]:
    mediation = sum(taxonomy.owner_of(label) == MEDIATION_CENTRE for label in sample.types)
    facts: dict[str, Any] = {
        "certified": point is not None,
        "method": "learn-then-test, fixed sequence, exact binomial",
        "alpha": settings.alpha,
        "delta": settings.delta,
        "calls": len(sample.types),
        "mediation_calls": mediation,
    }
    if point:
        bound = exact_upper_bound(point.police_diverted, point.diverted, settings.delta)
        facts |= {
            "threshold": point.threshold,
            "diverted": point.diverted,
            "police_among_diverted": point.police_diverted,
            "upper_bound": round(bound, 5),
            "mediation_coverage": round(point.mediation_diverted / max(mediation, 1), 4),
            "human_review_share": round(point.human_review / len(sample.types), 4),
        }
    return facts
