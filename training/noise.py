"""What happens to narratives between a mouth and a database, as functions of a text.

Each takes a text and a random generator and gives another text with the same meaning. They serve
twice: a few make training rows more varied, all of them measure how robust a model is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import opencc
from pypinyin import Style, lazy_pinyin

from training.rows import Row

Generator = np.random.Generator
Noise = Callable[[str, Generator], str]

_TRADITIONAL = opencc.OpenCC("s2t")
# Characters of everyday writing; replacements for typing errors are drawn from them.
_COMMON = range(0x4E00, 0x9FA6)
_EMOJI = "😡😭🙏❗😤🆘"
_SEPARATORS = " ,.·-　"
_BOILERPLATE = (
    "以上为报警人自述，具体情况待现场核实。",
    "请尽快派民警到场处理并反馈。",
    "工单编号已登记，请承办单位按时限办理。",
)
_LONG_STORY = (
    "事情是这样的，我们两家做邻居十来年了，平时关系也还可以，逢年过节都走动，"
    "后来因为一些小事有了点意见，居委会也来说过，当时都讲好了，"
)


def typing_errors(text: str, generator: Generator) -> str:
    """One character in twelve dropped, doubled or swapped with its neighbour; at least one."""
    characters = list(text)
    for _ in range(max(1, len(text) // 12)):
        place = int(generator.integers(len(characters)))
        match int(generator.integers(3)):
            case 0 if len(characters) > 4:
                del characters[place]
            case 1:
                characters.insert(place, characters[place])
            case _:
                other = min(place + 1, len(characters) - 1)
                characters[place], characters[other] = characters[other], characters[place]
    return "".join(characters)


def homophones(text: str, generator: Generator) -> str:
    """One Chinese character in eight replaced by another of the same sound; at least one."""
    characters = list(text)
    chinese = [i for i, c in enumerate(characters) if ord(c) in _COMMON]
    if not chinese:
        return text
    count = max(1, len(chinese) // 8)
    for place in generator.choice(chinese, min(count, len(chinese)), replace=False):
        same = _same_sound(lazy_pinyin(characters[place], style=Style.NORMAL)[0])
        if same:
            characters[place] = same[int(generator.integers(len(same)))]
    return "".join(characters)


def spaces(text: str, generator: Generator) -> str:
    """A space between all characters."""
    return " ".join(text)


def punctuation(text: str, generator: Generator) -> str:
    """A random separator between all characters."""
    separators = generator.choice(list(_SEPARATORS), len(text))
    return "".join(c + s for c, s in zip(text, separators, strict=True))


def traditional(text: str, generator: Generator) -> str:
    """Traditional characters."""
    converted: str = _TRADITIONAL.convert(text)
    return converted


def full_width(text: str, generator: Generator) -> str:
    """Digits, letters and ASCII punctuation in full width."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def emoji(text: str, generator: Generator) -> str:
    """Pictures strewn in."""
    characters = list(text)
    for _ in range(3):
        place = int(generator.integers(len(characters) + 1))
        characters.insert(place, _EMOJI[int(generator.integers(len(_EMOJI)))])
    return "".join(characters)


def repeated(text: str, generator: Generator) -> str:
    """Said ten times."""
    return "。".join([text] * 10)


def boilerplate(text: str, generator: Generator) -> str:
    """A closing formula appended."""
    return f"{text}。{_BOILERPLATE[int(generator.integers(len(_BOILERPLATE)))]}"


def hidden_at_the_end(text: str, generator: Generator) -> str:
    """The whole matter behind a long civil story."""
    return f"{_LONG_STORY}今天又说起来，{text}"


def truncated(text: str, generator: Generator) -> str:
    """The last quarter cut off, as a record that was sent too early."""
    return text[: max(4, len(text) * 3 // 4)]


def opening(text: str, generator: Generator) -> str:
    """A call-taker's opening put in front."""
    openings = ("报警人称", "称", "其", "来电人反映", "市民来电反映，")
    return openings[int(generator.integers(len(openings)))] + text


# Meaning stays whole under all of these; `truncated` may lose it and is for training only.
ROBUSTNESS: Mapping[str, Noise] = {
    "typing_errors": typing_errors,
    "homophones": homophones,
    "spaces": spaces,
    "punctuation": punctuation,
    "traditional": traditional,
    "full_width": full_width,
    "emoji": emoji,
    "repeated": repeated,
    "boilerplate": boilerplate,
    "hidden_at_the_end": hidden_at_the_end,
}
AUGMENTATION: tuple[Noise, ...] = (typing_errors, homophones, truncated, boilerplate)


def noisy_copies(rows: Sequence[Row], copies: int, seed: int) -> list[Row]:
    """New rows for training: each row `copies` times, disturbed in one way drawn at random."""
    generator = np.random.default_rng(seed)
    return [
        replace(
            row, text=AUGMENTATION[int(generator.integers(len(AUGMENTATION)))](row.text, generator)
        )
        for _ in range(copies)
        for row in rows
    ]


@cache
def _same_sound(sound: str) -> tuple[str, ...]:
    return _by_sound().get(sound, ())


@cache
def _by_sound() -> dict[str, tuple[str, ...]]:
    """Simplified characters that GB2312 holds, so those a keyboard really offers, by sound."""
    groups: dict[str, list[str]] = {}
    for code in _COMMON:
        character = chr(code)
        try:
            encoded = character.encode("gb2312")
        except UnicodeEncodeError:
            continue
        if encoded[0] <= 0xD7:  # level 1: the 3,755 commonest characters
            groups.setdefault(lazy_pinyin(character, style=Style.NORMAL)[0], []).append(character)
    return {sound: tuple(members) for sound, members in groups.items()}
