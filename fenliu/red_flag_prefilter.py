"""Which patterns can match a text at all, by the characters it has.

Most patterns need characters that most texts lack. From each parsed expression come a few sets of
characters of which a match must hold at least one each. One look at the characters of a text then
leaves a handful of patterns to try.
"""

import re
from collections.abc import Iterable, Iterator
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

# Sets kept of each pattern, the smallest ones: more tell little and cost time.
_SETS = 3
_LARGEST_RANGE = 256
Characters = frozenset[int]


class Prefilter:
    """Tells candidates among patterns; never leaves out one that matches."""

    def __init__(self, patterns: Iterable[re.Pattern[str]]) -> None:
        required = [_required(parser.parse(pattern.pattern)) for pattern in patterns]
        self._count = len(required)
        self._all = (1 << self._count) - 1
        self._free = 0
        self._having: dict[str, int] = {}
        for index, sets in enumerate(required):
            kept = sorted(sets, key=len)[:_SETS]
            for slot in range(_SETS):
                self._place(index + slot * self._count, kept[slot] if slot < len(kept) else None)

    def _place(self, bit: int, characters: Characters | None) -> None:
        if characters is None:
            self._free |= 1 << bit
            return
        for character in characters:
            name = chr(character)
            self._having[name] = self._having.get(name, 0) | 1 << bit

    def candidates(self, text: str) -> Iterator[int]:
        """Indexes of the patterns that may match, in order."""
        found = self._free
        having = self._having
        for character in set(text):
            found |= having.get(character, 0)
        left = self._all
        for _ in range(_SETS):
            left &= found
            found >>= self._count
        while left:
            lowest = left & -left
            yield lowest.bit_length() - 1
            left ^= lowest


def _required(parsed: Any) -> list[Characters]:
    """Sets of which every match of a parsed expression holds at least one character each."""
    return [characters for code, value in parsed for characters in _of_item(code, value)]


def _of_item(code: Any, value: Any) -> list[Characters]:
    if code is op.LITERAL:
        return [frozenset((value,))]
    if code is op.IN:
        members = _members(value)
        return [members] if members else []
    if code is op.BRANCH:
        return _of_branches([_required(branch) for branch in value[1]])
    return _required(_mandatory_part(code, value))


def _mandatory_part(code: Any, value: Any) -> Any:
    """What every match holds of a group, repetition or look-ahead; nothing of anything else."""
    if code is op.SUBPATTERN:
        return value[-1]
    if code is op.ATOMIC_GROUP:
        return value
    if code is op.ASSERT:
        return value[1]
    if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT) and value[0]:
        return value[2]
    return ()


def _members(items: Any) -> Characters | None:
    members: set[int] = set()
    for code, value in items:
        if code is op.LITERAL:
            members.add(value)
        elif code is op.RANGE and value[1] - value[0] < _LARGEST_RANGE:
            members.update(range(value[0], value[1] + 1))
        else:
            return None
    return frozenset(members)


def _of_branches(branches: list[list[Characters]]) -> list[Characters]:
    if not all(branches):
        return []
    return [frozenset().union(*(min(sets, key=len) for sets in branches))]
