"""A city's labelled calls, divided for training, calibration and test, and laid beside the corpus.

The side of a call is a hash of its words, so that equal words are always on one side, however often
and with whatever other calls a file is handed in again.

Held-out calls stay as they came, repetitions included: only then do their labels come as often as
in life, and calls of equal words but different labels count as the risk that they are. Training
loses whatever resembles a held-out call, and repetitions.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from fenliu.errors import CorpusError
from fenliu.taxonomy import Taxonomy
from fenliu.text import normalise
from training.certify import CertifySettings
from training.near_duplicates import near_duplicates
from training.rows import Row

TRAIN, CALIBRATION, TEST = "city-train", "city-calibration", "city-test"
_HELD_OUT = {CALIBRATION: 15, TEST: 15}  # per cent
# Fewer calls of a type teach nothing where the corpus does not help out.
FEWEST_ALONE = 10
# About every fifth call can be diverted, so this many calls per diverted call that a proof needs.
_CALLS_PER_DIVERTED = 5


@dataclass(frozen=True)
class Divided:
    """A city's calls by side; `train` is without repetitions."""

    train: list[Row]
    calibration: list[Row]
    test: list[Row]


def side_of(text: str) -> str:
    """The batch that a call belongs to."""
    words = normalise(text).characters
    place = int(hashlib.sha256(words.encode()).hexdigest(), 16) % 100
    for side, share in _HELD_OUT.items():
        if place < share:
            return side
        place -= share
    return TRAIN


def divide(calls: Sequence[Row], threshold: float) -> Divided:
    """Calls by side; of equal words one stays in training, under their commonest label."""
    placed = [replace(row, batch=side_of(row.text)) for row in calls]
    calibration = [row for row in placed if row.batch == CALIBRATION]
    test = [row for row in placed if row.batch == TEST]
    train = _one_of_each([row for row in placed if row.batch == TRAIN])
    return Divided(without_resembling(train, [*test, *calibration], threshold), calibration, test)


def _one_of_each(rows: Sequence[Row]) -> list[Row]:
    same: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        same[normalise(row.text).characters].append(row)
    return [_commonest(members) for members in same.values()]


def _commonest(rows: list[Row]) -> Row:
    label = Counter(row.type for row in rows).most_common(1)[0][0]
    return next(row for row in rows if row.type == label)


def without_resembling(rows: Sequence[Row], others: Sequence[Row], threshold: float) -> list[Row]:
    """Rows that resemble none of `others`."""
    # A busy city says 有纠纷 thousands of times; once is enough to find what resembles it.
    known = [row.text for row in _one_of_each(others)]
    resembling = {
        pair.second - len(known)
        for pair in near_duplicates([*known, *(row.text for row in rows)], threshold)
        if pair.first < len(known) <= pair.second
    }
    return [row for place, row in enumerate(rows) if place not in resembling]


def beside_corpus(
    city: Divided, corpus: Sequence[Row], held_out: Collection[str], threshold: float
) -> list[Row]:
    """The corpus with the city's calls added, those for test left out.

    Nothing in training resembles a held-out row of either; where a narrative of ours and a call of
    the city resemble each other, the call stays.
    """
    city_held_out = [*city.test, *city.calibration]
    judging = without_resembling(
        [row for row in corpus if row.batch in held_out], city_held_out, threshold
    )
    train = without_resembling(city.train, judging, threshold)
    ours = without_resembling(
        [row for row in corpus if row.batch not in held_out],
        [*city_held_out, *train],
        threshold,
    )
    return [*city.calibration, *train, *judging, *ours]


def require_every_type(train: Sequence[Row], taxonomy: Taxonomy) -> None:
    """Raise CorpusError unless calls alone suffice to learn every label."""
    counts = Counter(row.type for row in train)
    thin = [label for label in taxonomy.labels if counts[label] < FEWEST_ALONE]
    if thin:
        shown = ", ".join(f"{label} ({counts[label]})" for label in thin[:5])
        more = f" and {len(thin) - 5} more" if len(thin) > 5 else ""
        raise CorpusError(
            f"--alone needs {FEWEST_ALONE} different training calls of every type, there are too "
            f"few of {shown}{more}: hand in more, or leave out --alone"
        )


def can_certify(calibration: Sequence[Row], settings: CertifySettings) -> bool:
    """Whether so many calls may prove α by themselves. Looks at no label."""
    needed = math.log(settings.delta) / math.log(1 - settings.alpha)
    return len(calibration) >= _CALLS_PER_DIVERTED * needed
