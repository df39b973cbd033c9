"""The classifier: a bundle at work, from a narrative to a decision."""

from pathlib import Path

from fenliu.assessment import Assessor
from fenliu.bundle import Bundle, load_bundle
from fenliu.decision import Candidate, DecidedType, Decision, RaisedFlag, Reason, Route
from fenliu.policy import HUMAN_REVIEW, OwnerSums, Ranking, decide_ranked
from fenliu.red_flags import RedFlag
from fenliu.scorer import Features, Floats
from fenliu.taxonomy import OWNERS
from fenliu.text import NormalText, check_text, normalise

REASONS = 5
# Types below this share of the listed probability are out when questions are chosen.
IN_THE_RUNNING = 0.02
DIGITS = 4


class Classifier:
    """Decides on narratives with one bundle. Holds no state of its own: safe to share."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._owners = OwnerSums(bundle.taxonomy)
        self._row_of = {label: row for row, label in enumerate(bundle.taxonomy.labels)}
        self._assessor = Assessor(
            bundle.scorer, bundle.red_flags, bundle.taxonomy, bundle.policy.clause_threshold
        )

    @classmethod
    def load(cls, path: Path, taxonomy_file: Path | None = None) -> "Classifier":
        """Load a bundle; raises BundleError where it cannot be used."""
        return cls(load_bundle(path, taxonomy_file))

    def decide(self, text: str) -> Decision:
        """Decide on one narrative; raises InvalidInput for one that cannot be taken."""
        bundle = self.bundle
        taxonomy = bundle.taxonomy
        normal = normalise(check_text(text))
        assessment = self._assessor.assess(normal)
        probabilities, flags = assessment.probabilities, assessment.flags
        ranking = self._owners.rank(probabilities)
        outcome = decide_ranked(ranking, flags, bundle.policy, taxonomy)
        waits = outcome.action == HUMAN_REVIEW
        kind = taxonomy.by_code[outcome.label]
        label = self._row_of[kind.code]
        route = None if waits else Route(kind.department, kind.term, kind.due_days)
        return Decision(
            action=outcome.action,
            owner=outcome.owner,
            owner_probability={
                owner: _rounded(p) for owner, p in zip(OWNERS, ranking.owners, strict=True)
            },
            type=DecidedType(
                kind.code,
                kind.name,
                kind.category_code,
                kind.category,
                _rounded(probabilities[label]),
            ),
            candidates=self._candidates(probabilities, ranking),
            reasons=self._reasons(normal, assessment.features, label),
            red_flags=tuple(_raised(flag) for flag in flags),
            review_reasons=outcome.review_reasons,
            questions=self._questions(probabilities) if waits else (),
            route=route,
            model_version=bundle.model_version,
            policy_version=bundle.policy_version,
            taxonomy_version=taxonomy.version,
        )

    def _candidates(self, probabilities: Floats, ranking: Ranking) -> tuple[Candidate, ...]:
        types = self.bundle.taxonomy.types
        return tuple(
            Candidate(types[i].code, types[i].name, _rounded(probabilities[i]))
            for i in ranking.candidates
        )

    def _reasons(self, text: NormalText, features: Features, label: int) -> tuple[Reason, ...]:
        credits = self.bundle.scorer.credits_of(features, label)
        best = sorted((c for c in credits if c.weight > 0), key=lambda c: -c.weight)[:REASONS]
        reasons = []
        for credit in best:
            start, end = text.span(credit.start, credit.end)
            reasons.append(Reason(start, end, text.source[start:end], round(credit.weight, 3)))
        return tuple(reasons)

    def _questions(self, probabilities: Floats) -> tuple[str, ...]:
        listed = probabilities[: len(self.bundle.taxonomy.types)].astype(float)
        listed[listed < IN_THE_RUNNING * listed.sum()] = 0.0
        return tuple(self.bundle.questions.choose(listed / listed.sum()))


def _raised(flag: RedFlag) -> RaisedFlag:
    return RaisedFlag(flag.id, flag.name, flag.level, flag.start, flag.end, flag.text)


def _rounded(value: float) -> float:
    return round(float(value), DIGITS)
