"""Stage 2: hold whole writing batches out, so that no author is on both sides.

Training rows that are near-duplicates of a held-out row are dropped from training; held-out rows
are never changed by what training holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fenliu.errors import CorpusError
from fenliu.text import normalise
from training.near_duplicates import near_duplicates
from training.rows import Row


@dataclass(frozen=True, slots=True)
class Splits:
    """Rows to fit on, to choose thresholds on, and to report on."""

    train: list[Row]
    calibration: list[Row]
    test: list[Row]
    dropped: int


def split(
    rows: Sequence[Row],
    calibration_batches: Sequence[str],
    test_batches: Sequence[str],
    near_duplicate: float,
) -> Splits:
    """Split by batch; raises CorpusError for a batch that is unknown or named twice."""
    batches = {row.batch for row in rows}
    for name in (*calibration_batches, *test_batches):
        if name not in batches:
            known = ", ".join(sorted(batches))
            raise CorpusError(f"split: no batch is called {name!r} (there are {known})")
    if set(calibration_batches) & set(test_batches):
        raise CorpusError("split: a batch cannot be for calibration and for test")
    calibration = [row for row in rows if row.batch in calibration_batches]
    test = [row for row in rows if row.batch in test_batches]
    fitting = [row for row in rows if row.batch not in (*calibration_batches, *test_batches)]
    if not fitting:
        raise CorpusError("split: no batch is left for training")
    train = _without_leaks(fitting, [*calibration, *test], near_duplicate)
    return Splits(train, calibration, test, dropped=len(fitting) - len(train))


def _without_leaks(train: list[Row], held_out: list[Row], near_duplicate: float) -> list[Row]:
    # Real calls repeat themselves; once is enough to find what resembles them.
    known = list({normalise(row.text).characters: row.text for row in held_out}.values())
    texts = [*known, *(row.text for row in train)]
    leaks = {
        pair.second - len(known)
        for pair in near_duplicates(texts, near_duplicate)
        if pair.first < len(known) <= pair.second
    }
    return [row for place, row in enumerate(train) if place not in leaks]
