"""What the model sees of a text: its words, and its characters in ones and twos.

Two blocks, each weighed by TF-IDF and normalised by itself. Training counts the strings given
here with scikit-learn; the scorer looks the same strings up in the bundle's vocabulary.

Twos take in the two ends of the text: how a call begins and ends (…被打, 求助…) says more than the
same characters in its middle. docs/model-choice.md has the figures of this and the alternatives.
"""

import numpy as np
import numpy.typing as npt

from fenliu.text import NormalText
from fenliu.tokens import Tokeniser

# Control characters, which `check_text` lets no narrative hold.
START, END = "\x02", "\x03"
# A Unicode code point needs 21 bits; two fit into one 64-bit key.
_BITS = np.uint64(21)


def word_features(text: NormalText, tokeniser: Tokeniser) -> list[str]:
    """Words of the matter, punctuation left out."""
    return [word for word in tokeniser.cut(text.matter) if word[0].isalnum()]


def character_features(text: NormalText) -> list[str]:
    """The n characters of the matter, then its n + 1 pairs of neighbours, ends included.

    Empty for a text without characters.
    """
    characters = text.characters
    if not characters:
        return []
    bounded = f"{START}{characters}{END}"
    return [*characters, *(bounded[i : i + 2] for i in range(len(bounded) - 1))]


def character_keys(characters: str) -> npt.NDArray[np.uint64]:
    """The same features as packed keys, in the same order.

    The first character stands in the lowest 21 bits; an absent second one is zero, which no
    character is.
    """
    if not characters:
        return np.empty(0, dtype=np.uint64)
    points = _code_points(f"{START}{characters}{END}")
    return np.concatenate((points[1:-1], points[:-1] | (points[1:] << _BITS)))


def pack(feature: str) -> np.uint64:
    """The key of one character feature: a character, or two."""
    points = _code_points(feature)
    key: np.uint64 = points[0] if len(points) == 1 else points[0] | (points[1] << _BITS)
    return key


def _code_points(text: str) -> npt.NDArray[np.uint64]:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
