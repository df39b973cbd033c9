"""Were calls trained on? Then a model answers them from memory, and every figure flatters."""

from collections.abc import Sequence
from pathlib import Path

from fenliu.errors import CorpusError
from fenliu.text import normalise
from training.rows import Row, read_rows

# Short calls repeat each other word for word, so some of a city's new calls are known ones.
MOST_SEEN = 0.2


def seen_in_training(bundle_path: Path, rows: Sequence[Row]) -> int:
    """Calls with the words of a training narrative; 0 where no training rows lie beside it."""
    path = bundle_path.parent / "stages" / "train.jsonl"
    if not path.exists():
        return 0
    known = {normalise(row.text).characters for row in read_rows(path)}
    return sum(normalise(row.text).characters in known for row in rows)


def require_unseen(bundle_path: Path, rows: Sequence[Row]) -> None:
    """Raise CorpusError where so many calls were trained on that they can prove nothing."""
    seen = seen_in_training(bundle_path, rows)
    if seen > MOST_SEEN * len(rows):
        raise CorpusError(
            f"{seen} of {len(rows)} calls were trained on and prove nothing about new ones: "
            "hand in calls that came later"
        )
