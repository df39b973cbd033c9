"""Patterns of the danger signs: fragments spelled out, exceptions kept beside them.

Patterns are regular expressions with three conveniences: `{name}` stands for a fragment, a named
expression or list of words; `~4` stands for up to four characters of the same clause and `~~14`
for up to fourteen of the same sentence; white space is ignored, so that a long one can be wrapped.
A hit that touches an exception does not count.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fenliu.errors import RuleError

_FRAGMENT = re.compile(r"\{([a-z_]+)\}")
_GAP = re.compile(r"(~~?)([0-9]+)")
_GAP_CHARACTERS = {"~": "[^,.;!?:]", "~~": "[^.;!?]"}
_WHITE_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way in which a danger is told. `negatable` is false where a "not" takes nothing away."""

    purpose: str
    match: re.Pattern[str]
    exceptions: tuple[re.Pattern[str], ...]
    negatable: bool

    def excepted(self, text: str, start: int, end: int) -> bool:
        """Whether the hit `text[start:end]` touches one of the exceptions."""
        return any(
            exception.start() < end and start < exception.end()
            for pattern in self.exceptions
            for exception in pattern.finditer(text)
        )


class Fragments:
    """The named pieces of one file of rules."""

    def __init__(self, raw: Mapping[str, Any] | None = None) -> None:
        """Raises RuleError for a fragment that uses one which is not defined above it."""
        self._bodies: dict[str, str] = {}
        for name, value in (raw or {}).items():
            body = "|".join(value) if isinstance(value, list) else value
            self._bodies[name] = f"(?:{self.expand(body, f'fragment {name}')})"

    def expand(self, pattern: str, place: str) -> str:
        """The pattern as Python takes it; `place` is what an error names."""

        def body(match: re.Match[str]) -> str:
            name = match.group(1)
            if name not in self._bodies:
                raise RuleError(
                    f"{place} uses the fragment {{{name}}}, which `let` does not define"
                )
            return self._bodies[name]

        spelled = _FRAGMENT.sub(body, _WHITE_SPACE.sub("", pattern))
        return _GAP.sub(lambda gap: f"{_GAP_CHARACTERS[gap[1]]}{{0,{gap[2]}}}?", spelled)

    def compile(self, pattern: str, place: str) -> re.Pattern[str]:
        """Compile a pattern; raises RuleError naming `place` when it is no regular expression."""
        try:
            return re.compile(self.expand(pattern, place))
        except re.error as error:
            raise RuleError(f"{place} is no regular expression: {error}") from error


def read_patterns(
    raw: Mapping[str, Any] | list[str],
    fragments: Fragments,
    rule: str,
    negatable: bool,
    shared: tuple[re.Pattern[str], ...],
) -> tuple[Pattern, ...]:
    """Patterns of a rule: `purpose: pattern`, or a mapping with match, except and negation.

    A plain list of patterns is read as well; they are named by their place in it.
    """
    if isinstance(raw, list):
        raw = {f"pattern {number}": pattern for number, pattern in enumerate(raw, 1)}
    patterns = []
    for purpose, value in raw.items():
        entry = value if isinstance(value, dict) else {"match": value}
        place = f"red flag {rule}, {purpose}"
        if "match" not in entry:
            raise RuleError(f"{place} has no match")
        lines = entry["match"] if isinstance(entry["match"], list) else [entry["match"]]
        exceptions = read_exceptions(entry.get("except", []), fragments, place) + shared
        patterns += [
            Pattern(
                purpose=purpose,
                match=fragments.compile(line, f"{place}, line {number}"),
                exceptions=exceptions,
                negatable=bool(entry.get("negation", negatable)),
            )
            for number, line in enumerate(lines, 1)
        ]
    return tuple(patterns)


def read_exceptions(
    raw: list[str], fragments: Fragments, place: str
) -> tuple[re.Pattern[str], ...]:
    """Exceptions of a pattern or of a whole rule, as one expression at most."""
    if not raw:
        return ()
    return (fragments.compile("|".join(f"(?:{e})" for e in raw), f"{place}, exceptions"),)
