"""Stage 3: fit TF-IDF and the two heads.

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
from sklearn.pipeline import FeatureUnion, Pipeline

from fenliu.errors import CorpusError
from fenliu.features import character_features, word_features
from fenliu.taxonomy import Taxonomy
from fenliu.text import normalise
from fenliu.tokens import Tokeniser
from training.calibrate import Calibration
from training.rows import Row
from training.two_heads import TwoHeads


@dataclass(frozen=True)
class FitSettings:
    """Section `fit` of params.yaml, where each value is explained."""

    min_count: int
    C: float
    owner_C: float
    owner_weight: float
    character_weight: float
    batch_weights: dict[str, float]
    noisy_copies: int
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


def build_pipeline(settings: FitSettings, taxonomy: Taxonomy, lexicon: Path) -> Pipeline:
    """The pipeline as it is fitted: two TF-IDF blocks, then the two heads."""
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
    model = TwoHeads(
        membership=taxonomy.membership,
        C=settings.C,
        owner_C=settings.owner_C,
        owner_weight=settings.owner_weight,
        tol=settings.tolerance,
        max_iter=settings.max_iterations,
    )
    return Pipeline([("features", features), ("model", model)])


def fit(
    rows: Sequence[Row],
    taxonomy: Taxonomy,
    settings: FitSettings,
    lexicon: Path,
    weights: Sequence[float] | None = None,
) -> Pipeline:
    """Fit on labelled rows, each weighing 1 or as `weights` says.

    Classes are positions in the taxonomy's labels; raises CorpusError where one has no row.
    """
    index = {label: place for place, label in enumerate(taxonomy.labels)}
    target: npt.NDArray[np.intp] = np.array([index[row.type] for row in rows])
    missing = [label for label in taxonomy.labels if index[label] not in set(target.tolist())]
    if missing:
        raise CorpusError(f"no training row for {', '.join(missing)}: every label needs some")
    pipeline = build_pipeline(settings, taxonomy, lexicon)
    given = None if weights is None else np.asarray(weights)
    return pipeline.fit([row.text for row in rows], target, model__sample_weight=given)


def probabilities(
    pipeline: Pipeline, texts: Sequence[str], calibration: Calibration
) -> npt.NDArray[np.floating[Any]]:
    """Calibrated probabilities of all labels, (n, k)."""
    features = pipeline.named_steps["features"].transform(texts)
    result: npt.NDArray[np.floating[Any]] = pipeline.named_steps["model"].predict_proba(
        features, calibration
    )
    return result
