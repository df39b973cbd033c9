"""Bring drafts of narratives into the corpus: the text format in which people write them.

A draft folder holds `NN.txt` files; a line `# CODE` opens a type, then one narrative a line.
"""

from dataclasses import dataclass
from pathlib import Path

from fenliu.errors import CorpusError, InvalidInput
from fenliu.taxonomy import Taxonomy
from fenliu.text import check_text
from training.near_duplicates import near_duplicates
from training.rows import Row, style_of


@dataclass(frozen=True, slots=True)
class Imported:
    """Rows that were taken, and how many were left out as near-duplicates of rows before them."""

    rows: list[Row]
    left_out: int


def read_drafts(folder: Path, batch: str, taxonomy: Taxonomy) -> list[Row]:
    """Rows of a draft folder; raises CorpusError naming file and line of the first mistake."""
    paths = sorted(folder.glob("*.txt"))
    if not paths:
        raise CorpusError(f"no drafts in {folder}: it holds .txt files with `# CODE` lines")
    rows: list[Row] = []
    for path in paths:
        label = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            text = line.strip()
            if text.startswith("#"):
                label = text.removeprefix("#").strip()
                if label not in taxonomy.labels:
                    raise CorpusError(f"{path}:{number}: {label!r} is not in the taxonomy")
            elif text:
                rows.append(_row(text, label, batch, f"{path}:{number}"))
    return rows


def _row(text: str, label: str | None, batch: str, where: str) -> Row:
    if label is None:
        raise CorpusError(f"{where}: a line `# CODE` must come before the first narrative")
    try:
        check_text(text)
    except InvalidInput as error:
        raise CorpusError(f"{where}: {error}") from error
    return Row(text, label, style_of(text), batch)


def add_drafts(present: list[Row], drafts: list[Row], near_duplicate: float) -> Imported:
    """Join drafts to the corpus, leaving out those that are near-duplicates of an earlier row.

    Drafts with different labels may resemble each other: minimal pairs are written to.
    """
    joined = present + drafts
    left_out = {
        pair.second
        for pair in near_duplicates([row.text for row in joined], near_duplicate)
        if pair.second >= len(present)
        and (
            pair.first < len(present)
            or pair.similarity == 1
            or joined[pair.first].type == joined[pair.second].type
        )
    }
    rows = [row for place, row in enumerate(joined) if place not in left_out]
    return Imported(rows, len(left_out))
