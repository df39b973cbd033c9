"""What the model sees of a text: its words, and its characters in ones and twos.

Two blocks, each weighed by TF-IDF and normalised by itself. Training counts the strings given
here with scikit-learn; the scorer looks the same strings up in the bundle's vocabulary.
"""

import numpy as np
import numpy.typing as npt

from fenliu.text import NormalText
from fenliu.tokens import Tokeniser

# Twos beat threes on held-out batches (78.1 against 77.3 % of types right): most texts are short,
# and a three that occurs twice in the corpus is too rare to learn from.
MAX_NGRAM = 2
# A Unicode code point needs 21 bits; two fit into one 64-bit key.
_BITS = np.uint64(21)


def word_features(text: NormalText, tokeniser: Tokeniser) -> list[str]:
    """Words of the matter, punctuation left out."""
    return [word for word in tokeniser.cut(text.matter) if word[0].isalnum()]


def character_features(text: NormalText) -> list[str]:
    """All single characters and pairs of neighbours of the matter, as strings."""
    characters = text.characters
    return [
        characters[start : start + size]
        for size in range(1, MAX_NGRAM + 1)
        for start in range(len(characters) - size + 1)
    ]


def character_keys(characters: str) -> npt.NDArray[np.uint64]:
    """The same n-grams as packed keys, in the same order: ones, then twos.

    The first character stands in the lowest 21 bits; an absent second one is zero, which no
    character is.
    """
    points = np.frombuffer(characters.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    return np.concatenate((points, points[:-1] | (points[1:] << _BITS)))
