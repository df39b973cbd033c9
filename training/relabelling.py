"""Blind relabelling: does a second reader see in a narrative what its writer meant?

`fenliu corpus sheet` draws narratives without their labels, a reader fills in the column `reader`,
and `fenliu corpus agreement` compares. Agreement is given as a share and as Cohen's kappa, which
takes out what two readers would agree on by chance.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score

from fenliu.errors import CorpusError
from fenliu.taxonomy import Taxonomy
from training.rows import Row

COLUMNS = ("text", "reader")


@dataclass(frozen=True, slots=True)
class Relabelled:
    """One narrative with the label of its writer and that of the reader."""

    text: str
    type: str
    reader: str


def write_sheet(path: Path, rows: Sequence[Row], share: float, seed: int) -> int:
    """Draw a share of the rows at random and write them without labels; returns how many."""
    generator = np.random.default_rng(seed)
    chosen = generator.choice(len(rows), round(len(rows) * share), replace=False)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((rows[place].text, "") for place in chosen)
    return len(chosen)


def read_sheet(path: Path, rows: Sequence[Row], taxonomy: Taxonomy) -> list[Relabelled]:
    """A sheet that a reader has filled in; raises CorpusError naming the first bad line.

    The writer's label is taken from a column `type` where there is one, else from the corpus.
    """
    written = {row.text: row.type for row in rows}
    sheet: list[Relabelled] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} cannot be read as UTF-8 CSV: {error}") from error
    for number, line in enumerate(lines, 2):
        missing = [name for name in COLUMNS if not line.get(name)]
        if missing:
            raise CorpusError(f"{path}:{number}: column {missing[0]} is empty or missing")
        label = line.get("type") or written.get(line["text"])
        if label is None:
            raise CorpusError(f"{path}:{number}: this narrative is not in the corpus")
        for name, code in (("reader", line["reader"]), ("type", label)):
            if code not in taxonomy.labels:
                raise CorpusError(f"{path}:{number}: {name} {code!r} is not in the taxonomy")
        sheet.append(Relabelled(line["text"], label, line["reader"]))
    if not sheet:
        raise CorpusError(f"{path} has no lines")
    return sheet


def agreement(sheet: Sequence[Relabelled], taxonomy: Taxonomy) -> pd.DataFrame:
    """Agreement of writer and reader on types, categories and owners: one line a level."""
    lines = []
    levels = (
        ("type", lambda label: label),
        ("category", taxonomy.category_of),
        ("owner", taxonomy.owner_of),
    )
    for name, level in levels:
        written = [level(entry.type) for entry in sheet]
        read = [level(entry.reader) for entry in sheet]
        same = float(np.mean([a == b for a, b in zip(written, read, strict=True)]))
        kappa = 1.0 if same == 1.0 else float(cohen_kappa_score(written, read))
        lines.append({"level": name, "narratives": len(sheet), "agreement": same, "kappa": kappa})
    return pd.DataFrame(lines)
