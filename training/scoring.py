"""One definition of every metric, used by training, `fenliu evaluate` and the tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from fenliu.assessment import Assessment
from fenliu.policy import ACTIONS, DISPATCH_POLICE, DIVERT, HUMAN_REVIEW, Outcome, OwnerSums
from fenliu.taxonomy import (
    MEDIATION_CENTRE,
    OUTSIDE,
    OWNERS,
    POLICE,
    VAGUE,
    Taxonomy,
)
from training.calibrate import calibration_error

Array = npt.NDArray[np.floating[Any]]

EXTRA_NAMES = {OUTSIDE: "清单外", VAGUE: "信息过少"}

# What an outcome costs, in human reviews: an assumption that a city should put in its own figures
# for. A diverted police matter can cost a life; a dispatched dispute costs a patrol's hour.
COSTS = {
    (POLICE, DIVERT): 100.0,
    (OUTSIDE, DIVERT): 5.0,
    (MEDIATION_CENTRE, DISPATCH_POLICE): 2.0,
    (OUTSIDE, DISPATCH_POLICE): 1.0,
    (POLICE, HUMAN_REVIEW): 1.0,
    (MEDIATION_CENTRE, HUMAN_REVIEW): 1.0,
    (OUTSIDE, HUMAN_REVIEW): 1.0,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """Calls with the right label, what was assessed, and what was decided."""

    texts: Sequence[str]
    types: Sequence[str]
    assessments: Sequence[Assessment]
    outcomes: Sequence[Outcome]


class Scores:
    """All metrics of one set of judged calls."""

    def __init__(self, judged: Judged, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self.judged = judged
        self._category_names = {c.code: c.name for c in taxonomy.categories}
        labels = taxonomy.labels
        self.target = np.array([labels.index(label) for label in judged.types])
        self.probabilities = np.array([entry.probabilities for entry in judged.assessments])
        self.order = np.argsort(-self.probabilities, axis=1, kind="stable")
        self.predicted = self.order[:, 0]
        categories = sorted({taxonomy.category_of(label) for label in labels})
        self.categories = categories
        column = np.array([categories.index(taxonomy.category_of(label)) for label in labels])
        self.category_probability = self.probabilities @ np.eye(len(categories))[column]
        self.owner_probability = OwnerSums(taxonomy).of(self.probabilities)
        self.category_target = column[self.target]
        owner = np.array([OWNERS.index(taxonomy.owner_of(label)) for label in labels])
        self.owner_target = owner[self.target]
        self.actions = np.array([outcome.action for outcome in judged.outcomes])

    def summary(self) -> dict[str, Any]:
        """The figures that a release is judged by; shares between 0 and 1."""
        top = self.order[:, :3] == self.target[:, None]
        category = self.category_probability.argmax(axis=1)
        owner = self.owner_probability.argmax(axis=1)
        return {
            "calls": len(self.target),
            "type_top1": _mean(top[:, 0]),
            "type_top3": _mean(top.any(axis=1)),
            "category": _mean(category == self.category_target),
            "owner": _mean(owner == self.owner_target),
            "type_calibration_error": self._calibration(self.probabilities, self.target),
            "category_calibration_error": self._calibration(
                self.category_probability, self.category_target
            ),
            **self._policy_figures(),
        }

    def _calibration(self, probabilities: Array, target: npt.NDArray[np.intp]) -> float:
        best = probabilities.argmax(axis=1)
        confidence = probabilities[np.arange(len(best)), best]
        return round(calibration_error(confidence, best == target), 5)

    def _policy_figures(self) -> dict[str, Any]:
        diverted = self.actions == DIVERT
        mediation = self.owner_target == OWNERS.index(MEDIATION_CENTRE)
        police = self.owner_target == OWNERS.index(POLICE)
        flagged = self.actions == DISPATCH_POLICE
        return {
            "diverted": int(diverted.sum()),
            "diverted_police": _mean(police[diverted]),
            "police_diverted": _mean(diverted[police]),
            "mediation_diverted": _mean(diverted[mediation]),
            "police_dispatched": _mean(flagged[police]),
            "mediation_dispatched": _mean(flagged[mediation]),
            "human_review": _mean(self.actions == HUMAN_REVIEW),
            "cost_per_thousand": self._cost_per_thousand(),
        }

    def _cost_per_thousand(self) -> float:
        owners = np.array(OWNERS)[self.owner_target]
        pairs = zip(owners, self.actions, strict=True)
        total = sum(COSTS.get((str(owner), str(action)), 0.0) for owner, action in pairs)
        return round(1000 * total / max(len(self.target), 1), 2)

    def right(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Which calls were judged right, for type, category and owner."""
        return {
            "type": self.predicted == self.target,
            "category": self.category_probability.argmax(axis=1) == self.category_target,
            "owner": self.owner_probability.argmax(axis=1) == self.owner_target,
        }

    def police_diverted_calls(self) -> int:
        """Police matters that would be diverted: the error that must not happen."""
        police = self.owner_target == OWNERS.index(POLICE)
        return int(((self.actions == DIVERT) & police).sum())

    def per_type(self) -> pd.DataFrame:
        """One line a label: code, name, calls, accuracy, precision, recall, F1."""
        labels = self.taxonomy.labels
        names = [self.label_name(label) for label in labels]
        return self._table(labels, names, self.target, self.predicted)

    def per_category(self) -> pd.DataFrame:
        """One line a category, the matters beside the lists included.

        The columns of `per_type`, and `type_accuracy`: how often the very type was right.
        """
        names = [self._category_names.get(c) or EXTRA_NAMES[c] for c in self.categories]
        predicted = self.category_probability.argmax(axis=1)
        table = self._table(self.categories, names, self.category_target, predicted)
        right = pd.Series(self.predicted == self.target).groupby(self.category_target).mean()
        return table.assign(type_accuracy=right.reindex(range(len(table))).to_numpy())

    def owner_table(self) -> pd.DataFrame:
        """Right owner (rows) against action (columns), in calls."""
        owners = np.array(OWNERS)[self.owner_target]
        table = pd.crosstab(owners, self.actions)
        return table.reindex(index=list(OWNERS), columns=list(ACTIONS), fill_value=0)

    def bootstrap(
        self, metric: Callable[[npt.NDArray[np.intp]], float], rounds: int, seed: int
    ) -> tuple[float, float]:
        """95 % interval of a metric of row positions, by resampling rows."""
        generator = np.random.default_rng(seed)
        count = len(self.target)
        values = [metric(generator.integers(0, count, count)) for _ in range(rounds)]
        low, high = np.quantile(values, [0.025, 0.975])
        return float(low), float(high)

    def label_name(self, label: str) -> str:
        """Chinese name of a label."""
        return EXTRA_NAMES.get(label) or self.taxonomy.by_code[label].name

    def shown(self, code: str) -> str:
        """Code and name of a label or category as people read them."""
        if code in EXTRA_NAMES:
            return EXTRA_NAMES[code]
        return f"{code} {self._category_names.get(code) or self.label_name(code)}"

    @staticmethod
    def _table(
        codes: Sequence[str],
        names: Sequence[str],
        target: npt.NDArray[np.intp],
        predicted: npt.NDArray[np.intp],
    ) -> pd.DataFrame:
        precision, recall, f1, calls = precision_recall_fscore_support(
            target, predicted, labels=range(len(codes)), zero_division=0.0
        )
        return pd.DataFrame(
            {
                "code": codes,
                "name": names,
                "calls": calls,
                # Share of this line's calls that were judged right. That is its recall; accuracy
                # against the rest would be near 1 for every line and say nothing.
                "accuracy": recall,
                "precision": precision,
                "recall": recall,
                "f1": f1,
            }
        )


def _mean(values: npt.NDArray[np.bool_]) -> float:
    return round(float(values.mean()), 5) if len(values) else 0.0
