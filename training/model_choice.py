"""Which features and which model: every alternative on the same held-out batches, in one table.

`python -m training.model_choice` fits each variant on the training split and judges it on the
calibration batches, never on the test batches, which stay unseen until `evaluate`. It prints the
Markdown table of docs/model-choice.md and takes about ten minutes.

Temperatures, where a variant needs them, are found on one half of the held-out rows and applied to
the other, and the other way round.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC

from fenliu.features import character_features
from fenliu.scorer import blend, log_softmax
from fenliu.taxonomy import MEDIATION_CENTRE, OWNERS, POLICE, Taxonomy
from fenliu.text import normalise
from training.calibrate import calibration_error, find_temperature
from training.fit import Words, characters
from training.noise import noisy_copies
from training.priors import read_priors
from training.rows import Row, read_rows
from training.stages import Workspace

Array = npt.NDArray[np.floating[Any]]
Analyzer = Callable[[str], list[str]]
_SEED = 20261125
_RISK = 0.01


def inner_characters(text: str) -> list[str]:
    """Ones and twos of characters without the ends of the text."""
    return [feature for feature in character_features(normalise(text)) if feature.isprintable()]


def three_characters(text: str) -> list[str]:
    """Ones and twos with the ends of the text, and threes."""
    inner = normalise(text).characters
    return [*characters(text), *(inner[i : i + 3] for i in range(len(inner) - 2))]


def _svc() -> Any:
    return LinearSVC(C=0.5, class_weight="balanced", random_state=0)


def _regression() -> Any:
    return LogisticRegression(C=30, class_weight="balanced", tol=1e-3, max_iter=300)


@dataclass(frozen=True)
class Variant:
    """One alternative: what it sees, what it is, and what is blended in."""

    name: str
    words: bool = True
    characters: Analyzer | None = characters
    sublinear: bool = True
    character_weight: float = 2.0
    model: Callable[[], Any] = field(default=_svc)
    owner_head: bool = False
    category_head: bool = False
    noisy_copies: int = 0


VARIANTS = (
    Variant("words", characters=None),
    Variant("characters 1-2", words=False),
    Variant("words + characters 1-2, ends left out", characters=inner_characters),
    Variant("words + characters 1-2"),
    Variant("words + characters 1-3", characters=three_characters),
    Variant("… equal block weights", character_weight=1.0),
    Variant("… plain counts (not sublinear)", sublinear=False),
    Variant("… classes not balanced", model=lambda: LinearSVC(C=0.5, random_state=0)),
    Variant("… with noisy copies", noisy_copies=1),
    Variant("logistic regression", model=_regression),
    Variant(
        "SGD, log loss",
        model=lambda: SGDClassifier(loss="log_loss", alpha=3e-6, random_state=0),
    ),
    Variant("ComplementNB", model=lambda: ComplementNB(alpha=0.3)),
    Variant("linear SVM + category head", category_head=True),
    Variant("linear SVM + owner head (chosen)", owner_head=True),
    Variant("linear SVM + both heads", owner_head=True, category_head=True),
    Variant("logistic regression + owner head", model=_regression, owner_head=True),
)


class Bench:
    """The split and the taxonomy on which all variants are judged."""

    def __init__(self, work: Workspace) -> None:
        self.taxonomy: Taxonomy = work.taxonomy
        self._words = Words(work.data / "lexicon.txt")
        self._train = read_rows(work.stages / "train.jsonl")
        self._held_out = read_rows(work.stages / "calibration.jsonl")
        self._target = self._labels(self._held_out)
        categories = sorted({self.taxonomy.category_of(label) for label in self.taxonomy.labels})
        place = [categories.index(self.taxonomy.category_of(x)) for x in self.taxonomy.labels]
        self._categories: Array = np.eye(len(categories), dtype=np.float32)[place]
        self._owners: Array = self.taxonomy.membership
        priors = read_priors(work.data / "priors.yaml", self.taxonomy)
        counts = np.bincount(self._target, minlength=len(self.taxonomy.labels))
        share = np.array([priors[label] for label in self.taxonomy.labels])
        self._weight = (share / np.maximum(counts, 1))[self._target]

    def judge(self, variant: Variant) -> dict[str, object]:
        """Fit one variant and measure it on the held-out rows."""
        rows = self._train + noisy_copies(self._train, variant.noisy_copies, _SEED)
        target = self._labels(rows)
        union = self._features(variant)
        train = union.fit_transform([row.text for row in rows])
        held_out = union.transform([row.text for row in self._held_out])
        started = time.perf_counter()
        scores = self._head(variant.model(), train, target, held_out)
        for wanted, matrix, weight in (
            (variant.category_head, self._categories, 0.3),
            (variant.owner_head, self._owners, 0.5),
        ):
            if wanted:
                members = matrix.argmax(axis=1)
                other = self._head(_regression(), train, members[target], held_out, members)
                scores = np.log(np.maximum(blend(scores, other, matrix, weight), 1e-30))
        seconds = time.perf_counter() - started
        return {
            "variant": variant.name,
            **self._figures(np.exp(scores)),
            "features": train.shape[1],
            "fit s": seconds,
        }

    def _features(self, variant: Variant) -> FeatureUnion:
        blocks: list[tuple[str, Analyzer, float]] = []
        if variant.words:
            blocks.append(("words", self._words, 1.0))
        if variant.characters:
            blocks.append(("characters", variant.characters, variant.character_weight))
        return FeatureUnion(
            [
                (
                    name,
                    TfidfVectorizer(
                        min_df=2,
                        sublinear_tf=variant.sublinear,
                        dtype=np.float32,
                        lowercase=False,
                        analyzer=analyzer,
                    ),
                )
                for name, analyzer, _ in blocks
            ],
            transformer_weights={name: weight for name, _, weight in blocks},
        )

    def _head(
        self,
        model: Any,
        train: Any,
        target: npt.NDArray[np.intp],
        held_out: Any,
        members: npt.NDArray[np.intp] | None = None,
    ) -> Array:
        """Log-probabilities of a fitted model for the held-out rows, tempered across halves."""
        model.fit(train, target)
        if isinstance(model, ComplementNB):
            scores = model.predict_joint_log_proba(held_out)
        else:
            model.coef_ = np.asfortranarray(model.coef_)
            scores = model.decision_function(held_out)
        right = self._target if members is None else members[self._target]
        result: Array = np.empty_like(scores)
        halves = np.arange(len(right)) % 2
        for half in (0, 1):
            temperature = find_temperature(scores[halves != half], right[halves != half])
            result[halves == half] = log_softmax(scores[halves == half] / temperature)
        return result

    def _figures(self, probabilities: Array) -> dict[str, float]:
        best = probabilities.argmax(axis=1)
        order = np.argsort(-probabilities, axis=1)[:, :3]
        category, owner = probabilities @ self._categories, probabilities @ self._owners
        right = best == self._target
        category_target = self._categories.argmax(axis=1)[self._target]
        return {
            "type": float(right.mean()),
            "top 3": float((order == self._target[:, None]).any(axis=1).mean()),
            "category": float((category.argmax(axis=1) == category_target).mean()),
            "owner": float((owner.argmax(axis=1) == self._owner_target).mean()),
            "ECE": calibration_error(probabilities.max(axis=1), right),
            "diverted": self._diverted_at_risk(owner),
        }

    @property
    def _owner_target(self) -> npt.NDArray[np.intp]:
        owner: npt.NDArray[np.intp] = self._owners.argmax(axis=1)[self._target]
        return owner

    def _diverted_at_risk(self, owner: Array) -> float:
        """Largest share of mediation matters diverted with 1 % police matters among them.

        Every held-out row counts as often as its label comes in life.
        """
        mediation, police = OWNERS.index(MEDIATION_CENTRE), OWNERS.index(POLICE)
        order = np.argsort(-owner[:, mediation], kind="stable")
        order = order[owner.argmax(axis=1)[order] == mediation]
        weight, truth = self._weight[order], self._owner_target[order]
        risk = np.cumsum(weight * (truth == police)) / np.cumsum(weight)
        whole = self._weight[self._owner_target == mediation].sum()
        diverted = np.cumsum(weight * (truth == mediation)) / whole
        return float(diverted[risk <= _RISK].max(initial=0.0))

    def _labels(self, rows: Sequence[Row]) -> npt.NDArray[np.intp]:
        index = {label: place for place, label in enumerate(self.taxonomy.labels)}
        return np.array([index[row.type] for row in rows])


def main() -> None:
    """Print the table, a line as soon as it is known."""
    bench = Bench(Workspace())
    for number, variant in enumerate(VARIANTS):
        figures = bench.judge(variant)
        if number == 0:
            print("| " + " | ".join(figures) + " |")
            print("|" + "---|" * len(figures))
        print("| " + " | ".join(_shown(value) for value in figures.values()) + " |")
        sys.stdout.flush()


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1%}" if value <= 1 else f"{value:.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main()
