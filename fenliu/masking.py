"""Numbers that point to a person are starred out of a text before it leaves the house.

Mobile and landline numbers, ID card numbers (18 and 15 places), licence plates, bank cards, and
any other run of nine or more digits. Digits may be full-width, circled or Chinese, and may be taken
apart by spaces, dashes, dots or invisible characters. The masked text is as long as the original,
and what is no letter or digit of a number stays, so places in the one are places in the other.
Names and addresses are not found.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["id_card", "bank_card", "phone", "plate", "long_number"]

MASK = "*"


@dataclass(frozen=True, slots=True)
class Found:
    """A number of a person, at characters `[start, end)` of the text."""

    kind: Kind
    start: int
    end: int


def mask(text: str) -> str:
    """The text with every letter and digit of the numbers found in it as `*`."""
    masked = _mask_once(text)
    while masked != text:  # what is starred out can lay bare another number right behind it
        text, masked = masked, _mask_once(masked)
    return masked


def find_numbers(text: str) -> list[Found]:
    """Numbers of persons in a text, in order; they may overlap."""
    return sorted(_find(text.translate(_FOLD)), key=lambda found: (found.start, found.end))


def _mask_once(text: str) -> str:
    folded = text.translate(_FOLD)
    masked = list(text)
    for found in _find(folded):
        for place in range(found.start, found.end):
            if folded[place] not in _KEPT:
                masked[place] = MASK
    return "".join(masked)


# In folded text a separator is "-", whatever it was; brackets only matter around area codes.
_KEPT = "-()+转分机"
_CHINESE_DIGITS = dict(zip("零〇一二三四五六七八九幺", "001234567891", strict=True))
_TRADITIONAL_PROVINCES = dict(
    zip("遼雲蘇滬魯贛貴寧瓊閩晉陝粵", "辽云苏沪鲁赣贵宁琼闽晋陕粤", strict=True)
)
_AS_DASH = "._·•・/~"


class _FoldTable(dict[int, str]):
    """One character for each character, filled as characters are met."""

    def __missing__(self, code_point: int) -> str:
        folded = self[code_point] = _fold(chr(code_point))
        return folded


def _fold(character: str) -> str:
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    if character in _CHINESE_DIGITS:
        return _CHINESE_DIGITS[character]
    compatible = unicodedata.normalize("NFKC", character).upper()
    if len(compatible) == 1:
        character = compatible
    category = unicodedata.category(character)
    if category in ("Pd", "Zs", "Cf", "Cc") or character in _AS_DASH or character == "−":
        return "-"
    return _TRADITIONAL_PROVINCES.get(character, character)


_FOLD = _FoldTable()


def _digits(pattern: str) -> str:
    """A pattern of single digits with up to three separators between any two."""
    return "-{0,3}".join(re.findall(r"\[[^]]*\]|\\d|\d", pattern))


_MONTH_AND_DAY = r"[01]\d[0-3]\d"
_ID_18 = _digits(r"[1-9]\d\d\d\d\d[12][089]\d\d" + _MONTH_AND_DAY + r"\d\d\d[\dX]")
_ID_15 = _digits(r"[1-9]\d\d\d\d\d\d\d" + _MONTH_AND_DAY + r"\d\d\d")
_MOBILE = r"(?:(?:\+|00)?86-{0,3})?" + _digits(r"1[3-9]" + r"\d" * 9)
_LANDLINE = (
    r"\(?0-?[1-9]-?\d(?:-?\d)?[-()]{0,3}" + _digits(r"[2-9]" + r"\d" * 6) + r"(?:-{0,3}\d)?"
    r"(?:-{0,2}(?:转|分机)?-{0,2}\d{1,5})?"
)
_HOTLINE = r"[48]00-{0,3}" + _digits(r"\d" * 7)
# Seven or eight digits are a local number, unless they are a date.
_DATE = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_LOCAL = rf"(?!{_DATE}(?!\d))[2-9]\d{{6,7}}(?!(?:-\d\d)?[元块万圆])"
_TAKEN_APART = r"[2-9]\d{2,3}-{1,3}\d{4}"  # could be a span of money or years
_PHONE_WORD = r"(?:电话|座机|固话|号码|来电|致电|拨打)\D{0,4}"
_CARDS = [_digits(r"[1-9]" + r"\d" * (length - 1)) for length in (16, 17, 18, 19)]
_PROVINCE = "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
_PLATE = (
    rf"{_PROVINCE}-{{0,2}}[A-Z](?:-{{0,2}}[A-Z0-9]){{4}}-{{0,2}}"
    r"(?:[A-Z0-9](?:-{0,2}[A-Z0-9])?|[挂学警港澳])"
    r"|[使领]\d{6}|\d{6}[使领]"
)


def _number(pattern: str, before: str = r"(?<!\d)") -> re.Pattern[str]:
    """Looks ahead only, so that a number is found even where another seems to start before it."""
    return re.compile(rf"{before}(?=({pattern})(?!\d))")


_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("id_card", _number(_ID_18)),
    ("id_card", _number(_ID_15)),
    *(("bank_card", _number(card)) for card in _CARDS),
    ("phone", _number(_MOBILE)),
    ("phone", _number(_LANDLINE)),
    ("phone", _number(_HOTLINE)),
    ("phone", _number(_LOCAL)),
    ("phone", _number(_TAKEN_APART, before=_PHONE_WORD)),
    ("plate", re.compile(rf"(?<![A-Z0-9])(?=({_PLATE})(?![A-Z0-9]))")),
    ("long_number", _number(r"\d{9,}X?")),
)


def _find(folded: str) -> Iterator[Found]:
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(folded):
            if kind != "bank_card" or _passes_luhn(match.group(1)):
                yield Found(kind, match.start(1), match.end(1))


def _passes_luhn(number: str) -> bool:
    """Whether the check digit of a card number is right."""
    total = 0
    for place, digit in enumerate(reversed([int(c) for c in number if c.isdigit()])):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
