"""Red flags: danger signs that override the model.

Each rule is a set of patterns over the normalised text. A hit counts only where it touches no
exception (刀削面 is no knife) and no negation stands right before it in the same clause (没有动手).

Levels: `danger` sends the call to the police; `caution` forbids a diversion but leaves the rest to
model and reviewer. docs/red-flags.md tells how a rule is written.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fenliu.errors import RuleError
from fenliu.red_flag_patterns import Fragments, Pattern, read_exceptions, read_patterns
from fenliu.red_flag_prefilter import Prefilter
from fenliu.text import NormalText, normalise

DANGER = "danger"
CAUTION = "caution"

_NEGATION = re.compile(
    r"(?:(?:没有|没得|没(?!想到)|冇|莫得|未|无人|无|并非|不是|不存在|否认|不曾|不要|不会|不敢|避免|防止"
    r"|以免|免得|省得|别|以为|误会|莫)"
    r"(?:人|说|讲|过|谁|哪个|发生|任何|出现|造成|再|被|有|想|要|去|真|实际|互相|相互|怎么|对方|双方"
    r"|跟|和|对|他们|[他她我俺谁]|[吵闹]?到|得|见|看见|听见|[推骂碰拦砸拉带喊堵围闹]|那个|敢|上去|下来|先|什么){0,3}"
    r"|(?:怕|担心)(?:再|又|会|要|万一){0,2}|[不勿]|谁[也都]不)$"
)
# Longest stretch before a hit in which a negation still speaks of it: 没有发生互相 and the like.
_NEGATION_REACH = 8
_CLAUSE_END = re.compile(r"[,.;!?:~…但却又]")


@dataclass(frozen=True, slots=True)
class RedFlag:
    """A hit: the rule, and the piece of the original narrative that set it off."""

    id: str
    name: str
    level: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Rule:
    """One danger sign with the examples that prove it."""

    id: str
    name: str
    level: str
    patterns: tuple[Pattern, ...]
    fires: tuple[str, ...]
    silent: tuple[str, ...]

    def find(self, text: NormalText) -> RedFlag | None:
        """First hit of this rule in a text, or None."""
        return self.first(text, self.patterns)

    def first(self, text: NormalText, patterns: Iterable[Pattern]) -> RedFlag | None:
        """First hit of some of this rule's patterns, or None."""
        hits = [hit for pattern in patterns if (hit := _hit(pattern, text.text))]
        if not hits:
            return None
        start, end = text.span(*min(hits))
        return RedFlag(self.id, self.name, self.level, start, end, text.source[start:end])


def _hit(pattern: Pattern, text: str) -> tuple[int, int] | None:
    """Place of the first match that counts."""
    match = pattern.match.search(text)
    while match:
        start, end = match.span()
        negated = pattern.negatable and _negated(text, start)
        if not negated and not pattern.excepted(text, start, end):
            return start, end
        match = pattern.match.search(text, start + 1)
    return None


def _negated(text: str, start: int) -> bool:
    before = text[max(0, start - _NEGATION_REACH) : start]
    clause = _CLAUSE_END.split(before)[-1]
    return _NEGATION.search(clause) is not None


class RedFlags:
    """All rules of an installation."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self._patterns = [(rule, pattern) for rule in rules for pattern in rule.patterns]
        self._prefilter = Prefilter(pattern.match for _, pattern in self._patterns)

    def find(self, text: NormalText) -> list[RedFlag]:
        """Hits in a text, one for each rule that fires, `danger` first."""
        possible: dict[str, tuple[Rule, list[Pattern]]] = {}
        for index in self._prefilter.candidates(text.text):
            rule, pattern = self._patterns[index]
            possible.setdefault(rule.id, (rule, []))[1].append(pattern)
        hits = [hit for rule, tried in possible.values() if (hit := rule.first(text, tried))]
        return sorted(hits, key=lambda hit: hit.level != DANGER)


def load_red_flags(path: Path) -> RedFlags:
    """Read the rules; raises RuleError naming the rule and the pattern that cannot be used."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        fragments = Fragments(raw.get("let"))
        rules = tuple(_rule(entry, fragments) for entry in raw["rules"])
    except RuleError as error:
        raise RuleError(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as e:
        reason = " ".join(str(e).split())
        raise RuleError(f"red flags {path} cannot be used: {reason}") from e
    return RedFlags(rules)


def _rule(raw: dict[str, Any], fragments: Fragments) -> Rule:
    place = f"red flag {raw['id']}"
    if raw["level"] not in (DANGER, CAUTION):
        raise RuleError(f"{place}: level {raw['level']!r} is not danger or caution")
    missing = [key for key in ("name", "patterns", "fires", "silent") if key not in raw]
    if missing:
        raise RuleError(f"{place} has no {missing[0]}")
    shared = read_exceptions(raw.get("except", []), fragments, place)
    return Rule(
        id=raw["id"],
        name=raw["name"],
        level=raw["level"],
        patterns=read_patterns(
            raw["patterns"], fragments, raw["id"], bool(raw.get("negation", True)), shared
        ),
        fires=tuple(raw["fires"]),
        silent=tuple(raw["silent"]),
    )


def failed_examples(flags: RedFlags) -> list[str]:
    """Examples that contradict their rule, as messages; empty when the rules are sound."""
    failures: list[str] = []
    for rule in flags.rules:
        failures += [f"{rule.id} must fire: {e}" for e in rule.fires if not rule.find(normalise(e))]
        failures += [
            f"{rule.id} must not fire: {e}" for e in rule.silent if rule.find(normalise(e))
        ]
    return failures
