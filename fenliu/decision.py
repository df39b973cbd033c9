"""The decision: what leaves Fenliu for one narrative. Its JSON form is the contract."""

from typing import Any

import msgspec


class DecidedType(msgspec.Struct, frozen=True):
    """The type decided on, with its calibrated probability."""

    code: str
    name: str
    category_code: str
    category: str
    probability: float


class Candidate(msgspec.Struct, frozen=True):
    """One of the most probable types."""

    code: str
    name: str
    probability: float


class Reason(msgspec.Struct, frozen=True):
    """A piece of the narrative that spoke for the type, and how much, in logits."""

    start: int
    end: int
    text: str
    weight: float


class RaisedFlag(msgspec.Struct, frozen=True):
    """A danger sign found in the narrative."""

    id: str
    name: str
    level: str
    start: int
    end: int
    text: str


class Route(msgspec.Struct, frozen=True):
    """Where the case goes: a department, a term, and the days until feedback is due."""

    department: str
    term: str
    due_days: int | None


class Decision(msgspec.Struct, frozen=True):
    """A decision on one narrative.

    Places (`start`, `end`) count characters of the narrative as it was sent. `candidates` are types
    of the lists, best first. `route` is None while a human has to look.
    """

    action: str
    owner: str
    owner_probability: dict[str, float]
    type: DecidedType
    candidates: tuple[Candidate, ...]
    reasons: tuple[Reason, ...]
    red_flags: tuple[RaisedFlag, ...]
    review_reasons: tuple[str, ...]
    questions: tuple[str, ...]
    route: Route | None
    model_version: str
    policy_version: str
    taxonomy_version: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values in the order of the contract."""
        return dict(msgspec.to_builtins(self))

    def as_json(self) -> bytes:
        """The contract: UTF-8 JSON without white space, Chinese as it is."""
        return msgspec.json.encode(self)
