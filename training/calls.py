"""Labelled calls from outside: CSV, Excel or JSON lines, in UTF-8 or GB18030.

Real files are messy, so a row that cannot be used is set aside with its reason instead of stopping
the whole; what remains is what training, certification and evaluation work on.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fenliu.errors import CorpusError, InvalidInput
from fenliu.taxonomy import Taxonomy
from fenliu.text import check_text
from training.rows import Row, style_of

_LONGEST_HEADING = 10
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
    a file that cannot be read at all, lacks a column or has no usable row.
    """
    calls = sort_calls(path, taxonomy, columns, batch)
    require_rows(path, calls)
    return calls


def sort_calls(
    path: Path, taxonomy: Taxonomy, columns: Columns = Columns(), batch: str | None = None
) -> Calls:
    """As `read_calls`, but all rows may be set aside, for who wants to keep the reasons."""
    table = _read_table(path)
    for column in (columns.text, columns.type):
        if column not in table.entries.columns:
            raise CorpusError(
                f"{path} has no column {column!r} (it has {_headings(table.entries)}): "
                "name the columns with --text-column and --type-column"
            )
        if list(table.entries.columns).count(column) > 1:
            raise CorpusError(f"{path} has two columns {column!r}: rename one")
    codes = _codes(taxonomy)
    rows: list[Row] = []
    rejects: list[Reject] = []
    own = table.entries
    batches = own["batch"] if "batch" in own.columns else [None] * len(own)
    entries = zip(own[columns.text], own[columns.type], batches, strict=True)
    for number, (text, label, own_batch) in enumerate(entries, 1):
        try:
            if number in table.broken:
                raise InvalidInput("row", table.broken[number])
            rows.append(_row(text, label, own_batch or batch or path.stem, codes))
        except InvalidInput as error:
            rejects.append(Reject(number, str(error)))
    return Calls(rows, rejects)


def _headings(entries: pd.DataFrame) -> str:
    """The first names of columns. Where a file has no heading these are a call, so long ones go."""
    names = (str(name) for name in entries.columns[:12])
    return ", ".join(n if len(n) <= _LONGEST_HEADING else "…" for n in names) or "none"


def require_rows(path: Path, calls: Calls) -> None:
    """Raise CorpusError where every row was set aside, with the first reason."""
    if not calls.rows:
        first = f", the first because {calls.rejects[0].reason}" if calls.rejects else ""
        raise CorpusError(f"{path} has no usable row: {len(calls.rejects)} were set aside{first}")


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


@dataclass(frozen=True)
class _Table:
    """Data rows as they came, and what is wrong with those that came apart (counted from 1)."""

    entries: pd.DataFrame
    broken: Mapping[int, str] = field(default_factory=dict)


def _read_table(path: Path) -> _Table:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise CorpusError(f"{path} is of no known kind: name a file of {', '.join(SUFFIXES)}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from error
    try:
        table = _parse(content, suffix)
    except CorpusError as error:
        raise CorpusError(f"{path}: {error}") from None
    except Exception as error:  # each parser has errors of its own
        reason = " ".join(str(error).split())[:200]
        raise CorpusError(f"{path} is not a readable {suffix} file: {reason}") from error
    entries = table.entries
    return _Table(entries.astype(object).where(entries.notna(), None), table.broken)


def _parse(content: bytes, suffix: str) -> _Table:
    if suffix in (".xlsx", ".xls"):
        return _Table(pd.read_excel(io.BytesIO(content), dtype=str, engine="calamine"))
    text = _decode(content)
    if not text.strip():
        raise CorpusError("the file is empty")
    if suffix in (".csv", ".tsv"):
        return _delimited(text, "\t" if suffix == ".tsv" else ",")
    if suffix == ".json" and text.lstrip().startswith("["):
        return _Table(pd.DataFrame(json.loads(text)))
    return _Table(pd.DataFrame([json.loads(line) for line in text.split("\n") if line.strip()]))


def _delimited(text: str, separator: str) -> _Table:
    """A narrative with an unquoted comma breaks its own row only, and shifts no column."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header, *rows = [line for line in lines if any(line)]
    width = len(header)
    broken = {
        number: f"has {len(row)} fields, the header has {width}: quote what holds a separator"
        for number, row in enumerate(rows, 1)
        if any(row[width:])
    }
    padded = [(row + [""] * width)[:width] for row in rows]
    return _Table(pd.DataFrame(padded, columns=header, dtype=str), broken)


def _decode(content: bytes) -> str:
    """Text in UTF-8 (with or without a byte order mark) or GB18030, which covers GBK and GB2312."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CorpusError("the file is neither UTF-8 nor GB18030: convert it")
