"""The policy: from probabilities and red flags to an action.

Order: a danger sign goes to the police; else a call is diverted if the certified rule allows it;
else it goes to the police if they are likely enough; else to a human.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fenliu import kernel
from fenliu.red_flags import DANGER, RedFlag
from fenliu.taxonomy import EXTRA_LABELS, MEDIATION_CENTRE, OUTSIDE, OWNERS, POLICE, VAGUE, Taxonomy

DIVERT = "divert"
DISPATCH_POLICE = "dispatch_police"
HUMAN_REVIEW = "human_review"
ACTIONS = (DIVERT, DISPATCH_POLICE, HUMAN_REVIEW)

LOW_CONFIDENCE = "low_confidence"
CLOSE_CANDIDATES = "close_candidates"
OUTSIDE_LISTS = "outside_lists"
TOO_LITTLE_INFORMATION = "too_little_information"
CONFLICT_WITH_RED_FLAG = "conflict_with_red_flag"

# Two candidates closer than this in probability are shown to a reviewer as a close call.
CLOSE_MARGIN = 0.15
# Types shown beside the decision.
CANDIDATES = 5


@dataclass(frozen=True)
class Policy:
    """Thresholds on owner probabilities, and the proof of their risk.

    `clause_threshold` is the police probability of a single clause from which on it forbids a
    diversion. `divert_threshold` may be above 1: then nothing is diverted without a human, which is
    what a model without a certificate gets. `certificate` is empty for such a policy.
    """

    divert_threshold: float
    police_threshold: float
    clause_threshold: float
    certificate: dict[str, Any] = field(default_factory=dict)

    @property
    def provisional(self) -> bool:
        """True until a city has certified the policy on its own calls.

        A certificate from our own narratives holds for text like ours only.
        """
        return bool(self.certificate.get("provisional", True))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the policy made of one call. `label` is always a type of the lists."""

    action: str
    owner: str
    label: str
    review_reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """What stands out of the label probabilities of one call.

    `owners`: probability of each owner in the order of OWNERS. `best_of`: each owner's likeliest
    label. `candidates`: positions of the likeliest types of the lists, best first. `top`: the
    likeliest label, which leads the second by `margin`.
    """

    owners: tuple[float, float, float]
    best_of: dict[str, str]
    candidates: list[int]
    top: str
    margin: float


class OwnerSums:
    """Sums label probabilities into owners, so that the levels cannot contradict each other."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self._owner_of = taxonomy.membership.argmax(axis=1)

    def of(self, probabilities: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        """Owner probabilities of many calls: (n, k) gives (n, 3) in the order of OWNERS."""
        result: npt.NDArray[np.floating[Any]] = kernel.owner_sums(
            probabilities, self._owner_of, len(OWNERS)
        )
        return result

    def rank(self, probabilities: npt.NDArray[np.floating[Any]]) -> Ranking:
        """What stands out of the probabilities (k,) of one call."""
        taxonomy = self._taxonomy
        owners, best_of, candidates, top, margin = kernel.rank(
            probabilities, self._owner_of, len(OWNERS), len(taxonomy.types), CANDIDATES
        )
        labels = (taxonomy.labels[place] for place in best_of.tolist())
        return Ranking(
            tuple(owners.tolist()),
            dict(zip(OWNERS, labels, strict=True)),
            candidates.tolist(),
            taxonomy.labels[top],
            float(margin),
        )


def decide(
    probabilities: npt.NDArray[np.floating[Any]],
    flags: Sequence[RedFlag],
    policy: Policy,
    owners: OwnerSums,
    taxonomy: Taxonomy,
) -> Outcome:
    """Apply the policy to the label probabilities, shape (k,), and red flags of one call."""
    return decide_ranked(owners.rank(probabilities), flags, policy, taxonomy)


def decide_ranked(
    ranking: Ranking, flags: Sequence[RedFlag], policy: Policy, taxonomy: Taxonomy
) -> Outcome:
    """The same of a call whose probabilities were ranked already."""
    mediation, police, _ = ranking.owners
    top = ranking.top
    if any(flag.level == DANGER for flag in flags):
        return Outcome(DISPATCH_POLICE, POLICE, ranking.best_of[POLICE])
    safe = mediation >= policy.divert_threshold and taxonomy.owner_of(top) == MEDIATION_CENTRE
    if safe and not flags:
        return Outcome(DIVERT, MEDIATION_CENTRE, top)
    if police >= policy.police_threshold:
        return Outcome(DISPATCH_POLICE, POLICE, ranking.best_of[POLICE])
    listed = max((MEDIATION_CENTRE, mediation), (POLICE, police), key=lambda pair: pair[1])[0]
    owner = OUTSIDE if top in EXTRA_LABELS else taxonomy.owner_of(top)
    label = ranking.best_of[listed if owner == OUTSIDE else owner]
    reasons = _review_reasons(top, ranking.margin, safe)
    return Outcome(HUMAN_REVIEW, owner, label, reasons)


def _review_reasons(top: str, margin: float, blocked_by_flag: bool) -> tuple[str, ...]:
    if blocked_by_flag:
        return (CONFLICT_WITH_RED_FLAG,)
    if top == VAGUE:
        return (TOO_LITTLE_INFORMATION,)
    if top == OUTSIDE:
        return (OUTSIDE_LISTS,)
    if margin < CLOSE_MARGIN:
        return (LOW_CONFIDENCE, CLOSE_CANDIDATES)
    return (LOW_CONFIDENCE,)
