"""Stage 1: read the corpus, check it, and hand on clean rows.

The corpus is `data/corpus/NN.jsonl`, one file a category and `outside.jsonl`, each line
`{"text", "type", "style", "batch"}`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from fenliu.errors import CorpusError, InvalidInput
from fenliu.taxonomy import EXTRA_LABELS, OUTSIDE, Taxonomy
from fenliu.text import check_text, normalise
from training.near_duplicates import near_duplicates
from training.rows import Row, style_of

_FIELDS = {"text", "type", "style", "batch"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the corpus: where, and what."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Located:
    """A row and the place it was read from."""

    where: str
    row: Row


def read_corpus(folder: Path) -> list[Located]:
    """Read all files of a corpus folder; raises CorpusError naming the first unreadable line."""
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        raise CorpusError(f"no corpus in {folder}: it holds one .jsonl file for each category")
    return [located for path in paths for located in _read_file(path)]


def _read_file(path: Path) -> Iterator[Located]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            where = f"{path.name}:{number}"
            try:
                raw = json.loads(line)
            except ValueError as error:
                raise CorpusError(f"{where}: not JSON ({error})") from error
            if not isinstance(raw, dict) or set(raw) != _FIELDS:
                raise CorpusError(f"{where}: needs exactly the fields {', '.join(sorted(_FIELDS))}")
            if not all(isinstance(value, str) for value in raw.values()):
                raise CorpusError(f"{where}: all fields must be strings")
            yield Located(where, Row(**raw))


def check_corpus(
    located: list[Located],
    taxonomy: Taxonomy,
    minimum: int,
    near_duplicate: float,
    repeating: Collection[str] = (),
) -> list[Finding]:
    """All findings: bad codes, texts and styles, duplicates, near-duplicates, thin types.

    Near-duplicates count across batches, for they leak from training into test. Within a batch they
    may be minimal pairs: one story with and without the fact that decides. `minimum` narratives are
    wanted for every type. Batches named in `repeating` hold real calls as they come and may repeat
    themselves and each other.
    """
    findings = [finding for entry in located for finding in _check_row(entry, taxonomy)]
    findings += _duplicates(located, repeating)
    findings += _near_duplicates(located, near_duplicate, repeating)
    counts = Counter(entry.row.type for entry in located)
    findings += [
        Finding(f"type {label}", f"has {counts[label]} narratives, {minimum} are wanted")
        for label in taxonomy.labels
        if counts[label] < minimum
    ]
    return findings


def _check_row(entry: Located, taxonomy: Taxonomy) -> Iterator[Finding]:
    row = entry.row
    if row.type not in taxonomy.labels:
        yield Finding(entry.where, f"type {row.type!r} is not in the taxonomy")
    if row.style != style_of(row.text):
        yield Finding(entry.where, f"style is {row.style!r}, the length says {style_of(row.text)}")
    if not row.batch:
        yield Finding(entry.where, "batch is empty")
    try:
        check_text(row.text)
    except InvalidInput as error:
        yield Finding(entry.where, str(error))


def _duplicates(located: list[Located], repeating: Collection[str]) -> Iterator[Finding]:
    places: dict[str, list[Located]] = defaultdict(list)
    for entry in located:
        places[normalise(entry.row.text).characters].append(entry)
    for same in places.values():
        if len(same) > 1 and not all(entry.row.batch in repeating for entry in same):
            yield Finding(same[1].where, f"the same text as {same[0].where}")


def _near_duplicates(
    located: list[Located], threshold: float, repeating: Collection[str]
) -> Iterator[Finding]:
    # A repetition within its batch is no finding here, and thousands of them would make millions
    # of pairs.
    found = {(e.row.batch, normalise(e.row.text).characters): e for e in reversed(located)}
    located = list(found.values())[::-1]
    for pair in near_duplicates([entry.row.text for entry in located], threshold):
        first, second = located[pair.first], located[pair.second]
        if pair.similarity == 1 or first.row.batch == second.row.batch:
            continue
        if first.row.batch in repeating and second.row.batch in repeating:
            continue
        yield Finding(second.where, f"{pair.similarity:.0%} like {first.where}")


def write_corpus(folder: Path, rows: list[Row], taxonomy: Taxonomy) -> None:
    """Write rows as a corpus folder, one file a category, in the order of the taxonomy."""
    folder.mkdir(parents=True, exist_ok=True)
    order = {label: place for place, label in enumerate(taxonomy.labels)}
    files: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: order[row.type]):
        name = OUTSIDE if row.type in EXTRA_LABELS else taxonomy.category_of(row.type)
        files[name].append(row)
    for name, members in files.items():
        lines = (json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in members)
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
