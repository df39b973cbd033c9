"""Stage 7: turn the fitted pipeline into a bundle, and prove that both answer the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from fenliu.bundle import Bundle, Rules, load_bundle, save_bundle
from fenliu.errors import GateError
from fenliu.features import pack
from fenliu.policy import Policy
from fenliu.scorer import Weights
from fenliu.text import normalise
from training.calibrate import Calibration
from training.fit import probabilities
from training.rows import Row

TOLERANCE = 1e-5


def weights_of(pipeline: Pipeline, calibration: Calibration) -> Weights:
    """The arrays of a fitted pipeline, block weights folded in, n-grams sorted by packed key."""
    features, model = pipeline.named_steps["features"], pipeline.named_steps["model"]
    (_, words), (_, characters) = features.transformer_list
    block_weight = features.transformer_weights
    word_list = words.get_feature_names_out()
    grams = characters.get_feature_names_out()
    keys = np.array([pack(gram) for gram in grams], dtype=np.uint64)
    order = np.argsort(keys)
    coefficients = np.vstack((model.label_head_.coef_, model.owner_head_.coef_)).T
    bias = np.concatenate((model.label_head_.intercept_, model.owner_head_.intercept_))
    first = len(word_list)
    return Weights(
        words=tuple(str(word) for word in word_list),
        character_keys=keys[order],
        idf=np.concatenate((words.idf_, characters.idf_[order])).astype(np.float32),
        weights=np.vstack(
            (
                coefficients[:first] * block_weight["words"],
                coefficients[first:][order] * block_weight["characters"],
            )
        ).astype(np.float32),
        bias=bias.astype(np.float32),
        temperature=calibration.label,
        owner_temperature=calibration.owner,
        owner_weight=model.owner_weight,
    )


def export(
    path: Path,
    pipeline: Pipeline,
    calibration: Calibration,
    policy: Policy,
    rules: Rules,
    **facts: Any,
) -> Bundle:
    """Write the bundle of a pipeline and load it back, checksums verified."""
    save_bundle(path, weights_of(pipeline, calibration), policy, rules, **facts)
    return load_bundle(path)


def prove_equal(bundle: Bundle, pipeline: Pipeline, rows: Sequence[Row]) -> float:
    """Largest difference of a probability between bundle and pipeline over all rows.

    Raises GateError where it is above TOLERANCE or the best label differs on any row.
    """
    texts = [row.text for row in rows]
    weights = bundle.scorer.weights
    calibration = Calibration(weights.temperature, weights.owner_temperature)
    fitted = probabilities(pipeline, texts, calibration)
    scored = np.array([bundle.scorer.probabilities(normalise(text)) for text in texts])
    difference = float(np.abs(fitted - scored).max())
    flipped = int((fitted.argmax(axis=1) != scored.argmax(axis=1)).sum())
    if difference > TOLERANCE or flipped:
        raise GateError(
            f"the exported bundle differs from the fitted pipeline: probabilities by up to "
            f"{difference:.1e} (limit {TOLERANCE:.0e}), best label on {flipped} rows"
        )
    return difference
