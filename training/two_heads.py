"""The linear model: one head for labels, one for owners, on the same features."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from fenliu.scorer import Floats, blend, log_softmax
from training.calibrate import Calibration


class TwoHeads(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A linear support vector machine for labels and, beside it, logistic regression for owners.

    `membership` (k, o) is 1 where a label has an owner; targets are label positions. `C` and
    `owner_C` are the inverse penalties of the heads, `owner_weight` the owner head's share in
    `fenliu.scorer.blend`. A temperature makes probabilities of the machine's scores: on held-out
    batches they are as good as those of logistic regression (docs/model-choice.md), and fitting
    takes a fifth of the time.
    """

    def __init__(
        self,
        membership: npt.NDArray[np.float32],
        C: float = 0.5,
        owner_C: float = 10.0,
        owner_weight: float = 0.5,
        tol: float = 1e-4,
        max_iter: int = 500,
    ) -> None:
        self.membership = membership
        self.C = C
        self.owner_C = owner_C
        self.owner_weight = owner_weight
        self.tol = tol
        self.max_iter = max_iter

    def fit(
        self, features: Any, target: npt.NDArray[np.intp], sample_weight: Any = None
    ) -> "TwoHeads":
        """Fit both heads; every label must occur in `target`."""
        self.classes_ = np.unique(target)
        # Labels with many rows must not outvote the others: how often one comes in the corpus says
        # nothing about how often it comes in life.
        shared = {"class_weight": "balanced", "tol": self.tol, "max_iter": self.max_iter}
        self.label_head_ = LinearSVC(C=self.C, random_state=0, **shared)
        self.label_head_.fit(features, target, sample_weight)
        self.owner_head_ = LogisticRegression(C=self.owner_C, **shared)
        self.owner_head_.fit(features, self.membership.argmax(axis=1)[target], sample_weight)
        return self

    def heads(self, features: Any) -> tuple[Floats, Floats]:
        """Logits of labels (n, k) and of owners (n, o)."""
        return (
            self.label_head_.decision_function(features),
            self.owner_head_.decision_function(features),
        )

    def predict_proba(self, features: Any, calibration: Calibration | None = None) -> Floats:
        """Blended probabilities of all labels, (n, k)."""
        temperatures = calibration or Calibration(1.0, 1.0)
        labels, owners = self.heads(features)
        return blend(
            log_softmax(labels / temperatures.label),
            log_softmax(owners / temperatures.owner),
            self.membership,
            self.owner_weight,
        )

    def predict(self, features: Any) -> npt.NDArray[np.intp]:
        """Most probable label of each row."""
        best: npt.NDArray[np.intp] = self.predict_proba(features).argmax(axis=1)
        return best
