"""Stage 3: fit TF-IDF and a linear model.

Words and characters are two TF-IDF blocks, counted on what `fenliu.features` cuts, so that
training and serving cannot see different things.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from fenliu.features import character_features, word_features
from fenliu.text import normalise
from fenliu.tokens import Tokeniser
from training.rows import Row


@dataclass(frozen=True)
class FitSettings:
    """Section `fit` of params.yaml, where each value is explained."""

    min_count: int
    C: float
    character_weight: float
    tolerance: float
    max_iterations: int


class Words:
    """Analyzer of the word block. Keeps the lexicon's path, not the tokeniser, when pickled."""

    def __init__(self, lexicon: Path) -> None:
        self.lexicon = lexicon
        self._tokeniser = Tokeniser(lexicon)

    def __call__(self, text: str) -> list[str]:
        return word_features(normalise(text), self._tokeniser)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Words, (self.lexicon,))


def characters(text: str) -> list[str]:
    """Analyzer of the character block."""
    return character_features(normalise(text))


def build_pipeline(settings: FitSettings, lexicon: Path) -> Pipeline:
    """The pipeline as it is fitted: two TF-IDF blocks, then multinomial logistic regression."""
    block = partial(
        TfidfVectorizer,
        min_df=settings.min_count,
        sublinear_tf=True,
        dtype=np.float32,
        lowercase=False,
    )
    features = FeatureUnion(
        [("words", block(analyzer=Words(lexicon))), ("characters", block(analyzer=characters))],
        transformer_weights={"words": 1.0, "characters": settings.character_weight},
    )
    model = LogisticRegression(
        C=settings.C, tol=settings.tolerance, max_iter=settings.max_iterations
    )
    return Pipeline([("features", features), ("model", model)])


def fit(
    rows: Sequence[Row], labels: Sequence[str], settings: FitSettings, lexicon: Path
) -> Pipeline:
    """Fit on labelled rows. Classes are positions in `labels`, all of which must occur."""
    index = {label: place for place, label in enumerate(labels)}
    target: npt.NDArray[np.intp] = np.array([index[row.type] for row in rows])
    missing = set(range(len(labels))) - set(target.tolist())
    if missing:
        raise ValueError(f"no training row for {', '.join(labels[i] for i in sorted(missing))}")
    pipeline = build_pipeline(settings, lexicon)
    pipeline.fit([row.text for row in rows], target)
    return pipeline
