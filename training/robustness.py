"""How a bundle holds out against noise, above all in the dangerous direction.

Every test row is disturbed in each way of `training.noise`; what counts is how the share of police
matters that are diverted grows, and how much accuracy is lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from fenliu.bundle import Bundle
from training.evaluate import judge_bundle
from training.noise import ROBUSTNESS, Noise
from training.rows import Row
from training.scoring import Scores

# The share of diverted police matters may grow by at most this factor under any disturbance.
LARGEST_GROWTH = 1.5


def disturb(rows: Sequence[Row], noise: Noise, seed: int) -> list[Row]:
    """The rows with their texts disturbed; labels stay."""
    generator = np.random.default_rng(seed)
    return [replace(row, text=noise(row.text, generator)) for row in rows]


def measure(
    bundle: Bundle, rows: Sequence[Row], seed: int, noises: Mapping[str, Noise] = ROBUSTNESS
) -> pd.DataFrame:
    """One line for the rows as they are and one for each disturbance.

    `police_diverted_calls` counts police matters that would be diverted; `growth` is that count
    over the undisturbed one, with one call added to both so that small counts do not explode.
    """
    plain = judge_bundle(bundle, rows)
    lines = [_line("as written", plain, plain)]
    for name, noise in noises.items():
        lines.append(_line(name, judge_bundle(bundle, disturb(rows, noise, seed)), plain))
    return pd.DataFrame(lines)


def _line(name: str, scores: Scores, plain: Scores) -> dict[str, object]:
    summary = scores.summary()
    diverted = scores.police_diverted_calls()
    return {
        "disturbance": name,
        "type_top1": summary["type_top1"],
        "owner": summary["owner"],
        "mediation_diverted": summary["mediation_diverted"],
        "police_diverted_calls": diverted,
        "growth": (diverted + 1) / (plain.police_diverted_calls() + 1),
    }
