"""The linear scorer: from a normalised text to the probability of every label.

Numbers only, no scikit-learn; the arithmetic is compiled (`fenliu.kernel`). For each block of
features (words, characters):

    value = (1 + ln count) · idf,  scaled to length 1 within the block
    logit = bias + Σ value · weights,   probability = softmax(logit / temperature)

which is what scikit-learn's sublinear TfidfVectorizer and a linear model of it compute.
Two heads share the features: one tells the labels apart, one only the owners; `blend` makes one
distribution of both. `training.export` proves the equality with the fitted pipeline on every row of
the test split.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenliu import kernel
from fenliu.features import bounded, code_points
from fenliu.text import NormalText
from fenliu.tokens import Tokeniser

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Weights:
    """What a linear model learnt; n words, m character n-grams, k labels, o owners.

    `words`: n strings. `character_keys`: (m,) sorted packed n-grams. `idf`: (n + m,).
    `weights`: (n + m, k + o), word rows first, label columns first. `bias`: (k + o,). All float32.
    `temperature`, `owner_temperature` > 0. `owner_weight`: 0 leaves the owner head out, 1 takes
    owners from it alone.
    """

    words: tuple[str, ...]
    character_keys: npt.NDArray[np.uint64]
    idf: Floats
    weights: Floats
    bias: Floats
    temperature: float
    owner_temperature: float
    owner_weight: float


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of the softmax along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def blend(labels: Floats, owners: Floats, membership: Floats, owner_weight: float) -> Floats:
    """One distribution of two heads, shape (..., k), rows summing to 1.

    `labels` (..., k) and `owners` (..., o) are log-probabilities; `membership` (k, o) is 1 where a
    label has an owner. Within an owner the label head decides. Between owners the weighted
    geometric mean of both heads does: the owner head learns what all matters of an owner have in
    common (being hit, having something taken), which the label head must learn for each label anew.
    On held-out batches that halves the police matters among the diverted.
    """
    exponents = np.exp(labels)
    by_labels = np.log(np.maximum(exponents @ membership, np.finfo(labels.dtype).tiny))
    shifted = labels + owner_weight * ((owners - by_labels) @ membership.T)
    result: Floats = np.exp(log_softmax(shifted))
    return result


@dataclass(frozen=True, slots=True)
class Features:
    """What the scorer sees of one text.

    `words`: place [start, end) of each word in the normalised text and [first, last) among its
    characters. `word_rows`: row of each, -1 where unknown. `points`: code points of the characters
    with both ends, empty for a text without characters.
    """

    words: list[tuple[int, int, int, int]]
    word_rows: list[int]
    points: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Credit:
    """How much the piece `text[start:end]` of a normalised text spoke for a label, in logits."""

    start: int
    end: int
    weight: float


class Scorer:
    """Scores texts with the weights of one bundle. Holds no state of its own: safe to share."""

    def __init__(self, weights: Weights, membership: Floats, tokeniser: Tokeniser) -> None:
        self.weights = weights
        self._tokeniser = tokeniser
        self._row_of_word = {word: row for row, word in enumerate(weights.words)}
        self._matrix = np.ascontiguousarray(weights.weights)
        self._means = self._matrix[:, : len(membership)].mean(axis=1)
        calibration = (weights.temperature, weights.owner_temperature, weights.owner_weight)
        self._table = (*kernel.build_slots(weights.character_keys), len(weights.words), weights.idf)
        self._model = (
            self._matrix,
            weights.bias,
            membership.argmax(axis=1),
            np.array(calibration, dtype=np.float64),
        )

    def read(self, text: NormalText) -> Features:
        """The features of a normalised text."""
        words: list[tuple[int, int, int, int]] = []
        rows: list[int] = []
        start, first = text.body, 0
        for word in self._tokeniser.cut(text.matter):
            end = start + len(word)
            last = first + (len(word) if word.isalnum() else sum(c.isalnum() for c in word))
            if word[0].isalnum():
                words.append((start, end, first, last))
                rows.append(self._row_of_word.get(word, -1))
            start, first = end, last
        return Features(words, rows, code_points(bounded(text.characters)))

    def probabilities(self, text: NormalText) -> Floats:
        """Calibrated probabilities of all labels, shape (k,), summing to 1."""
        return self.distribution(self.read(text))

    def distribution(self, features: Features) -> Floats:
        """The same of a text that was read already."""
        result: Floats = kernel.distributions(
            features.points,
            np.array((len(features.points),)),
            np.array(features.word_rows, dtype=np.int32),
            np.array((len(features.word_rows),)),
            *self._table,
            *self._model,
        )[0]
        return result

    def probabilities_of(self, texts: Iterable[NormalText]) -> Floats:
        """Calibrated probabilities of many texts in one call, shape (texts, k)."""
        features = [self.read(text) for text in texts]
        result: Floats = kernel.distributions(
            np.concatenate([f.points for f in features]),
            np.cumsum([len(f.points) for f in features]),
            np.array([row for f in features for row in f.word_rows], dtype=np.int32),
            np.cumsum([len(f.word_rows) for f in features]),
            *self._table,
            *self._model,
        )
        return result

    def credits(self, text: NormalText, label: int) -> list[Credit]:
        """What each word of a text added to the logit of `label` in the label head.

        Counted against the mean label. Exact: the weights of all words sum up to the centred logit
        less the centred bias. A pair of characters shares its part evenly among them; one with an
        end of the text gives it all.
        """
        return self.credits_of(self.read(text), label)

    def credits_of(self, features: Features, label: int) -> list[Credit]:
        """The same of a text that was read already."""
        rows = np.array(features.word_rows, dtype=np.int32)
        by_word, running = kernel.credits(
            features.points, rows, *self._table, self._matrix, self._means, label
        )
        shares = running.tolist()
        return [
            Credit(start, end, gain + shares[last] - shares[first])
            for (start, end, first, last), gain in zip(
                features.words, by_word.tolist(), strict=True
            )
        ]

    def unseen_share(self, features: Features) -> float:
        """Share of the text's pairs of neighbouring characters that training never met twice."""
        unseen = kernel.unseen_pairs(features.points, *self._table[:2])
        return float(unseen.sum()) / max(len(unseen), 1)

    def known_share(self, text: NormalText) -> float:
        """Share of the text's words that the model met in training; 0 when it has no words."""
        rows = self.read(text).word_rows
        return sum(row >= 0 for row in rows) / max(len(rows), 1)
