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
    whole = bounded(text.characters)
    return [*text.characters, *(whole[i : i + 2] for i in range(len(whole) - 1))]


def bounded(characters: str) -> str:
    """Characters between the ends of the text; empty where there are none."""
    return f"{START}{characters}{END}" if characters else ""


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """Unicode code points of a text, shape (characters,)."""
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def pack(feature: str) -> np.uint64:
    """The key of one character feature, a character or two.

    The first character stands in the lowest 21 bits; an absent second one is zero, which no
    character is.
    """
    points = code_points(feature).astype(np.uint64)
    key: np.uint64 = points[0] if len(points) == 1 else points[0] | (points[1] << _BITS)
    return key
