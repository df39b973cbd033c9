"""From the narrative as it was typed to the text that rules and features see.

One table maps characters: compatibility forms (NFKC), traditional to simplified Chinese, lower
case, invisible characters and white space out. Every step maps single characters, so that a place
in the result always leads back to a place in the narrative.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

import opencc

from fenliu.closing import closing_start
from fenliu.errors import InvalidInput, TextTooLong

MAX_CHARACTERS = 10_000

_SIMPLIFIED = opencc.OpenCC("t2s")
# Call-takers write to whom an ambulance or fire engine was sent; other numbers only add noise.
_EMERGENCY_NUMBERS = {"110", "119", "120", "122", "12345"}
_NUMBER = re.compile(r"\d+")
_PUNCTUATION = str.maketrans({"。": ".", "、": ",", "“": '"', "”": '"', "【": "[", "】": "]"})
# A text with a separator behind most characters was taken apart on purpose or by a broken client.
_SHATTERED = 1 / 3
_NOT_WORD = re.compile(r"[\W_]+")
_OPENING = re.compile(
    r"(?:(?:报警人|报案人|报警者|来电人|来电者|市民|群众|路人|热心群众|网友|其)?"
    r"(?:来电|致电|报警|报案)*(?:反映|反应|反应称|反映称|表示|称|说)[,:]*|报警人|其)"
)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def check_text(text: object, field: str = "text") -> str:
    """Return a narrative that can be decided on; raises InvalidInput naming `field`."""
    if not isinstance(text, str):
        raise InvalidInput(field, f"must be a string, not {type(text).__name__}")
    if len(text) > MAX_CHARACTERS:
        raise TextTooLong(
            field,
            f"has {len(text):,} characters, the limit is {MAX_CHARACTERS:,}: "
            "send the call's narrative only",
        )
    found = _FORBIDDEN.search(text)
    if found:
        raise InvalidInput(
            field,
            f"has the character U+{ord(found.group()):04X} at position {found.start()}: "
            "remove control characters and lone surrogates",
        )
    if not _NOT_WORD.sub("", text):
        raise InvalidInput(field, "is empty: send what the caller said")
    return text


class _CharacterTable(dict[int, str]):
    """Character mapping for `str.translate`, filled as characters are met."""

    def __missing__(self, code_point: int) -> str:
        character = chr(code_point)
        category = unicodedata.category(character)
        if character.isspace() or category in ("Cc", "Cf", "Cs", "Mn", "Me", "Zs"):
            mapped = ""
        else:
            folded = unicodedata.normalize("NFKC", character).lower().replace(" ", "")
            mapped = _SIMPLIFIED.convert(folded).translate(_PUNCTUATION)
        self[code_point] = mapped
        return mapped


_TABLE = _CharacterTable()


@dataclass(frozen=True)
class NormalText:
    """A normalised narrative.

    `text` keeps punctuation (rules need the ends of clauses); `body` is where the matter starts
    behind an opening such as 报警人称, `end` where a closing formula starts (None: there is none);
    `source` is the narrative as it came.
    """

    source: str
    text: str
    body: int
    end: int | None = None

    @cached_property
    def matter(self) -> str:
        """The text between opening and closing formulas."""
        return self.text[self.body : self.end]

    @cached_property
    def characters(self) -> str:
        """The matter without punctuation: what character features are cut from."""
        return _NOT_WORD.sub("", self.matter)

    @cached_property
    def _origins(self) -> list[int]:
        origins = [
            place for place, character in enumerate(self.source) for _ in _TABLE[ord(character)]
        ]
        if len(origins) != len(self.text):  # separators were taken out as well
            mapped = self.source.translate(_TABLE)
            origins = [o for o, c in zip(origins, mapped, strict=True) if not _NOT_WORD.match(c)]
        return origins

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Places in `source` of the piece `text[start:end]`."""
        return self._origins[start], self._origins[end - 1] + 1


def normalise(text: str) -> NormalText:
    """Normalise a narrative that `check_text` has accepted."""
    mapped = text.translate(_TABLE)
    words_only = _NOT_WORD.sub("", mapped)
    if len(words_only) > 2 and len(mapped) - len(words_only) >= len(mapped) * _SHATTERED:
        mapped = words_only
    mapped = _NUMBER.sub(_mask_number, mapped)
    opening = _OPENING.match(mapped)
    body = opening.end() if opening and opening.end() < len(mapped) else 0
    end = closing_start(mapped)
    return NormalText(text, mapped, body, end if body < end < len(mapped) else None)


def _mask_number(match: re.Match[str]) -> str:
    digits = match.group()
    return digits if digits in _EMERGENCY_NUMBERS else "0" * len(digits)
