"""Is one bundle better than another? A paired answer on the same calls."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest


@dataclass(frozen=True, slots=True)
class Paired:
    """Two bundles on the same calls. `difference` is new minus old, with a 95 % interval."""

    new_only_right: int
    old_only_right: int
    difference: float
    low: float
    high: float
    p_value: float


def compare(
    new_right: npt.NDArray[np.bool_], old_right: npt.NDArray[np.bool_], rounds: int, seed: int
) -> Paired:
    """McNemar's exact test on the calls where exactly one is right, and a paired bootstrap."""
    new_only = int((new_right & ~old_right).sum())
    old_only = int((old_right & ~new_right).sum())
    discordant = new_only + old_only
    p_value = float(binomtest(new_only, discordant).pvalue) if discordant else 1.0
    gain = new_right.astype(float) - old_right.astype(float)
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, len(gain), (rounds, len(gain)))
    low, high = np.quantile(gain[draws].mean(axis=1), [0.025, 0.975])
    return Paired(new_only, old_only, float(gain.mean()), float(low), float(high), p_value)
