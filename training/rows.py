"""Labelled narratives, as they pass from stage to stage (JSON lines)."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

SHORT = 16
MEDIUM = 59


@dataclass(frozen=True, slots=True)
class Row:
    """A narrative with its label (`type`: a code, `outside` or `vague`) and its writing batch."""

    text: str
    type: str
    style: str
    batch: str


def style_of(text: str) -> str:
    """Short up to 16 characters, medium up to 59, long above."""
    return "short" if len(text) <= SHORT else "medium" if len(text) <= MEDIUM else "long"


def read_rows(path: Path) -> list[Row]:
    """Read rows from a file of this project; KeyError or ValueError for a broken line."""
    with path.open(encoding="utf-8") as file:
        return [Row(**json.loads(line)) for line in file if line.strip()]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows, one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
