"""Labelled calls from outside: CSV, Excel or JSON lines, in UTF-8 or GB18030.

Real files are messy, so a row that cannot be used is set aside with its reason instead of stopping
the whole; what remains is what training, certification and evaluation work on.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fenliu.errors import CorpusError, InvalidInput
from fenliu.taxonomy import Taxonomy
from fenliu.text import check_text
from training.rows import Row, style_of

SUFFIXES = (".csv", ".tsv", ".xlsx", ".xls", ".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Columns:
    """Names of the columns that hold narrative and label."""

    text: str = "text"
    type: str = "type"


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was set aside. `row` counts data rows from 1; the narrative is not repeated."""

    row: int
    reason: str


@dataclass(frozen=True)
class Calls:
    """Usable rows, and what was set aside."""

    rows: list[Row]
    rejects: list[Reject] = field(default_factory=list)


def read_calls(
    path: Path, taxonomy: Taxonomy, columns: Columns = Columns(), batch: str | None = None
) -> Calls:
    """Read labelled calls. A label may be a code, a name of the lists, `outside` or `vague`.

    `batch` is the batch of rows that name none; the file's stem by default. Raises CorpusError for
    a file that cannot be read at all or lacks a column.
    """
    table = _read_table(path)
    for column in (columns.text, columns.type):
        if column not in table.columns:
            present = ", ".join(str(name) for name in table.columns[:12])
            raise CorpusError(
                f"{path} has no column {column!r} (it has {present}): "
                "name the columns with --text-column and --type-column"
            )
    codes = _codes(taxonomy)
    rows: list[Row] = []
    rejects: list[Reject] = []
    batches = table["batch"] if "batch" in table.columns else [None] * len(table)
    entries = zip(table[columns.text], table[columns.type], batches, strict=True)
    for number, (text, label, own_batch) in enumerate(entries, 1):
        try:
            rows.append(_row(text, label, own_batch or batch or path.stem, codes))
        except InvalidInput as error:
            rejects.append(Reject(number, str(error)))
    if not rows:
        first = f", the first because {rejects[0].reason}" if rejects else ""
        raise CorpusError(f"{path} has no usable row: {len(rejects)} were set aside{first}")
    return Calls(rows, rejects)


def write_rejects(path: Path, rejects: Sequence[Reject]) -> None:
    """Write row numbers and reasons as CSV that Excel opens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame([(r.row, r.reason) for r in rejects], columns=["row", "reason"])
    table.to_csv(path, index=False, encoding="utf-8-sig")


def _codes(taxonomy: Taxonomy) -> dict[str, str]:
    """What people write as a label: codes (with or without the leading zero) and names."""
    codes = {label: label for label in taxonomy.labels}
    for kind in taxonomy.types:
        codes[kind.name] = kind.code
        # Excel turns 0602 into the number 602.
        codes.setdefault(kind.code.lstrip("0"), kind.code)
    return codes


def _row(text: Any, label: Any, batch: Any, codes: dict[str, str]) -> Row:
    if text is None:
        raise InvalidInput("text", "is empty")
    checked = check_text(text if isinstance(text, str) else str(text)).strip()
    written = "" if label is None else str(label).strip().removesuffix(".0")
    if not written:
        raise InvalidInput("type", "is empty")
    if written not in codes:
        raise InvalidInput("type", f"{written[:20]!r} is neither a code nor a name of the lists")
    return Row(checked, codes[written], style_of(checked), str(batch))


def _read_table(path: Path) -> pd.DataFrame:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise CorpusError(f"{path} is of no known kind: name a file of {', '.join(SUFFIXES)}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from error
    try:
        table = _parse(content, suffix)
    except CorpusError:
        raise
    except Exception as error:  # each parser has errors of its own
        reason = " ".join(str(error).split())[:200]
        raise CorpusError(f"{path} is not a readable {suffix} file: {reason}") from error
    return table.astype(object).where(table.notna(), None)


def _parse(content: bytes, suffix: str) -> pd.DataFrame:
    if suffix in (".xlsx", ".xls"):
        return pd.read_excel(io.BytesIO(content), dtype=str, engine="calamine")
    text = _decode(content)
    if suffix in (".csv", ".tsv"):
        separator = "\t" if suffix == ".tsv" else ","
        return pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False)
    if suffix == ".json" and text.lstrip().startswith("["):
        return pd.DataFrame(json.loads(text))
    return pd.DataFrame([json.loads(line) for line in text.splitlines() if line.strip()])


def _decode(content: bytes) -> str:
    """Text in UTF-8 (with or without a byte order mark) or GB18030, which covers GBK and GB2312."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CorpusError("the file is neither UTF-8 nor GB18030: convert it")
