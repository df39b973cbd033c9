"""The two item lists: which types of call exist, who owns them, where they go.

The lists are data. Nothing here knows how many categories or types a city has.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from fenliu.errors import TaxonomyError

MEDIATION_CENTRE = "mediation_centre"
POLICE = "police"
OUTSIDE = "outside"
OWNERS = (MEDIATION_CENTRE, POLICE, OUTSIDE)

VAGUE = "vague"
# Labels a model knows beside the types. Both belong to no list: `outside` is another matter,
# `vague` says too little to tell.
EXTRA_LABELS = (OUTSIDE, VAGUE)

# Days until feedback to 110 is due on the mediation side, and the urgency of a police type.
MEDIATION_TERMS = {"simple": 7, "ordinary": 15, "complex": 30}
POLICE_TERMS = ("emergency", "prompt", "routine")


@dataclass(frozen=True, slots=True)
class Type:
    """One dispute type. `near` names its neighbours and what decides between them."""

    code: str
    name: str
    name_en: str
    definition: str
    department: str
    term: str
    near: str
    category_code: str
    category: str
    owner: str

    @property
    def due_days(self) -> int | None:
        """Days until feedback is due; None for police types, which are dispatched instead."""
        return MEDIATION_TERMS.get(self.term)


@dataclass(frozen=True, slots=True)
class Category:
    """A group of types with one owner."""

    code: str
    name: str
    name_en: str
    owner: str
    types: tuple[Type, ...]


@dataclass(frozen=True)
class Taxonomy:
    """Both lists of one city, in the order of the file."""

    version: str
    categories: tuple[Category, ...]

    @cached_property
    def types(self) -> tuple[Type, ...]:
        """All types, in the order of the file."""
        return tuple(kind for category in self.categories for kind in category.types)

    @cached_property
    def by_code(self) -> dict[str, Type]:
        """Types by their code."""
        return {kind.code: kind for kind in self.types}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What a model tells apart: the type codes in order, then `outside` and `vague`."""
        return (*(kind.code for kind in self.types), *EXTRA_LABELS)

    @cached_property
    def membership(self) -> npt.NDArray[np.float32]:
        """1 where a label (rows) has an owner (columns, in the order of OWNERS), else 0."""
        owners = [OWNERS.index(self.owner_of(label)) for label in self.labels]
        return np.eye(len(OWNERS), dtype=np.float32)[owners]

    def owner_of(self, label: str) -> str:
        """Owner of a label: of its type, or `outside` for the labels beside the lists."""
        return OUTSIDE if label in EXTRA_LABELS else self.by_code[label].owner

    def category_of(self, label: str) -> str:
        """Category code of a label; the labels beside the lists are their own category."""
        return label if label in EXTRA_LABELS else self.by_code[label].category_code


def load_taxonomy(path: Path) -> Taxonomy:
    """Read and check a taxonomy file; raises TaxonomyError naming the entry that is wrong."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    except FileNotFoundError:
        raise TaxonomyError(f"{path} does not exist: put the city's two lists there") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise TaxonomyError(f"{path} cannot be read as UTF-8 YAML: {reason}") from error
    try:
        taxonomy = _build(raw)
    except TaxonomyError as error:
        raise TaxonomyError(f"{path}: {error}") from None
    return taxonomy


def _build(raw: Any) -> Taxonomy:
    if not isinstance(raw, dict) or not isinstance(raw.get("categories"), list):
        raise TaxonomyError("needs the keys `version` and `categories` (a list)")
    categories = tuple(_category(entry) for entry in raw["categories"])
    taxonomy = Taxonomy(version=str(raw.get("version", "")), categories=categories)
    if not taxonomy.version:
        raise TaxonomyError("`version` is missing: give one, such as '2026.1'")
    for what, codes in (
        ("category", [category.code for category in categories]),
        ("type", [kind.code for kind in taxonomy.types]),
    ):
        twice = [code for code, count in Counter(codes).items() if count > 1]
        if twice:
            raise TaxonomyError(f"{what} code {twice[0]} stands twice: codes must be unique")
    owners = {category.owner for category in categories}
    if owners != {MEDIATION_CENTRE, POLICE}:
        raise TaxonomyError("both owners, mediation_centre and police, need at least one category")
    return taxonomy


def _category(raw: Any) -> Category:
    code, name, owner = (_text(raw, key, "a category") for key in ("code", "name", "owner"))
    if owner not in (MEDIATION_CENTRE, POLICE):
        raise TaxonomyError(f"category {code}: owner {owner!r} is not mediation_centre or police")
    entries = raw.get("types")
    if not isinstance(entries, list) or not entries:
        raise TaxonomyError(f"category {code} has no types")
    types = tuple(_type(entry, code, name, owner) for entry in entries)
    return Category(code, name, str(raw.get("name_en", "")), owner, types)


def _type(raw: Any, category_code: str, category: str, owner: str) -> Type:
    where = f"a type of category {category_code}"
    code = _text(raw, "code", where)
    if code in EXTRA_LABELS:
        raise TaxonomyError(f"type code {code!r} is reserved for calls beside the lists")
    where = f"type {code}"
    term = _text(raw, "term", where)
    allowed = tuple(MEDIATION_TERMS) if owner == MEDIATION_CENTRE else POLICE_TERMS
    if term not in allowed:
        raise TaxonomyError(f"{where}: term {term!r} is not one of {', '.join(allowed)}")
    return Type(
        code=code,
        name=_text(raw, "name", where),
        name_en=str(raw.get("name_en", "")),
        definition=_text(raw, "definition", where),
        department=_text(raw, "department", where),
        term=term,
        near=str(raw.get("near", "")),
        category_code=category_code,
        category=category,
        owner=owner,
    )


def _text(raw: Any, key: str, where: str) -> str:
    value = raw.get(key) if isinstance(raw, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise TaxonomyError(f"{where}: `{key}` must be a text that is not empty (quote codes)")
    return value.strip()


def near_codes(kind: Type, taxonomy: Taxonomy) -> Iterator[str]:
    """Codes of the types that `near` names, in its order."""
    for part in kind.near.replace("、", "；").split("；"):
        code = part.strip()[:4]
        if code in taxonomy.by_code and code != kind.code:
            yield code
