"""Red flags: danger signs that override the model.

Each rule is a set of regular expressions over the normalised text. Before they are tried, the
phrases under `except` are blanked out (刀削面 is no knife); a hit counts only where no negation
stands right before it in the same clause (没有动手).

Levels: `danger` sends the call to the police; `caution` forbids a diversion but leaves the rest to
model and reviewer.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fenliu.errors import RuleError
from fenliu.text import NormalText, normalise

DANGER = "danger"
CAUTION = "caution"

_NEGATION = re.compile(
    r"(?:没有|没得|没|冇得|冇|莫得|未|无人|无|并非|不是|不存在|否认|不曾|不要|不会|不敢|避免|防止|以免|怕)"
    r"(?:人|说|过|谁|发生|任何|出现|造成|再|被|有|想|要|去|真|实际|互相|相互|怎么|对方|双方){0,3}$"
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
    pattern: re.Pattern[str]
    exceptions: re.Pattern[str] | None
    negatable: bool
    fires: tuple[str, ...]
    silent: tuple[str, ...]

    def find(self, text: NormalText) -> RedFlag | None:
        """First hit of this rule in a text, or None."""
        searched = text.text
        if self.exceptions:
            searched = self.exceptions.sub(lambda match: "□" * len(match.group()), searched)
        for match in self.pattern.finditer(searched):
            if self.negatable and _negated(searched, match.start()):
                continue
            start, end = text.span(match.start(), match.end())
            return RedFlag(self.id, self.name, self.level, start, end, text.source[start:end])
        return None


def _negated(text: str, start: int) -> bool:
    before = text[max(0, start - _NEGATION_REACH) : start]
    clause = _CLAUSE_END.split(before)[-1]
    return _NEGATION.search(clause) is not None


class RedFlags:
    """All rules of an installation."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules

    def find(self, text: NormalText) -> list[RedFlag]:
        """Hits in a text, one for each rule that fires, `danger` first."""
        hits = [hit for rule in self.rules if (hit := rule.find(text))]
        return sorted(hits, key=lambda hit: hit.level != DANGER)


def load_red_flags(path: Path) -> RedFlags:
    """Read the rules; raises RuleError for a broken rule or one that fails its own examples."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        rules = tuple(_rule(entry) for entry in raw["rules"])
    except (OSError, UnicodeDecodeError, yaml.YAMLError, re.error, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise RuleError(f"red flags {path} cannot be used: {reason}") from error
    return RedFlags(rules)


def _rule(raw: dict[str, Any]) -> Rule:
    if raw["level"] not in (DANGER, CAUTION):
        raise RuleError(f"red flag {raw['id']}: level {raw['level']!r} is not danger or caution")
    exceptions = raw.get("except", [])
    return Rule(
        id=raw["id"],
        name=raw["name"],
        level=raw["level"],
        pattern=re.compile("|".join(f"(?:{pattern})" for pattern in raw["patterns"])),
        exceptions=re.compile("|".join(exceptions)) if exceptions else None,
        negatable=bool(raw.get("negation", True)),
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
