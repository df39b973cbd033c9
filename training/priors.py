"""Realistic frequencies of the labels, for whatever speaks of a day of calls."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml

from fenliu.errors import CorpusError
from fenliu.taxonomy import Taxonomy
from training.rows import Row


def read_priors(path: Path, taxonomy: Taxonomy) -> dict[str, float]:
    """Share of each label, summing to 1; raises CorpusError unless every label has one."""
    try:
        shares = yaml.safe_load(path.read_text(encoding="utf-8"))["shares"]
        raw = {str(label): float(share) for label, share in shares.items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise CorpusError(f"priors {path} cannot be read: {reason}") from error
    differing = sorted(set(raw) ^ set(taxonomy.labels))
    if differing or min(raw.values()) <= 0:
        what = ", ".join(differing[:5]) or "a share that is not positive"
        raise CorpusError(f"priors {path} must give every label a positive share; see {what}")
    total = sum(raw.values())
    return {label: raw[label] / total for label in taxonomy.labels}


def realistic_sample(rows: Sequence[Row], priors: Mapping[str, float], seed: int) -> list[int]:
    """Positions of the largest subset of rows whose labels come as often as in life.

    Without replacement: the label with the fewest rows for its share sets the size, so that each
    row stands for one call and an exact binomial bound may be used.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[row.type].append(place)
    size = min(len(places[label]) / share for label, share in priors.items())
    generator = np.random.default_rng(seed)
    chosen: list[int] = []
    for label, share in priors.items():
        # A rare label's fraction of a row is a chance of one row.
        wanted = int(size * share + generator.random())
        count = min(wanted, len(places[label]))
        chosen += generator.choice(places[label], count, replace=False).tolist()
    return sorted(chosen)
