"""The linear scorer: from a normalised text to the probability of every label.

Numbers only, no scikit-learn. For each block of features (words, characters):

    value = (1 + ln count) · idf,  scaled to length 1 within the block
    logit = bias + Σ value · weights,   probability = softmax(logit / temperature)

which is what scikit-learn's sublinear TfidfVectorizer and a linear model of it compute.
Two heads share the features: one tells the labels apart, one only the owners; `blend` makes one
distribution of both. `training.export` proves the equality with the fitted pipeline on every row of
the test split.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenliu.features import character_keys
from fenliu.text import NormalText
from fenliu.tokens import Tokeniser

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]


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
class Credit:
    """How much the piece `text[start:end]` of a normalised text spoke for a label, in logits."""

    start: int
    end: int
    weight: float


class Scorer:
    """Scores texts with the weights of one bundle."""

    def __init__(self, weights: Weights, membership: Floats, tokeniser: Tokeniser) -> None:
        self.weights = weights
        self._membership = membership
        self._tokeniser = tokeniser
        self._row_of_word = {word: row for row, word in enumerate(weights.words)}

    def probabilities(self, text: NormalText) -> Floats:
        """Calibrated probabilities of all labels, shape (k,), summing to 1."""
        logits = self.weights.bias.copy()
        for occurrences in (self._word_occurrences(text), self._character_occurrences(text)):
            rows, _, values = self._block(occurrences)
            logits += values @ self.weights.weights[rows]
        count = len(self._membership)
        labels = log_softmax(logits[:count] / np.float32(self.weights.temperature))
        owners = log_softmax(logits[count:] / np.float32(self.weights.owner_temperature))
        return blend(labels, owners, self._membership, self.weights.owner_weight)

    def credits(self, text: NormalText, label: int) -> list[Credit]:
        """What each word of the text added to the logit of `label` in the label head.

        Counted against the mean label.

        Exact: the weights of all words sum up to the centred logit less the centred bias. A pair of
        characters shares its part evenly among them; one with an end of the text gives it all.
        """
        words = self._words(text)
        credit = np.zeros(len(text.text))
        word_gains = self._gains(self._word_occurrences(text), label)
        for (start, word), gain in zip(words, word_gains, strict=True):
            credit[start : start + len(word)] += gain / len(word)
        places = np.array(
            [place for place, c in enumerate(text.matter, text.body) if c.isalnum()], dtype=np.intp
        )
        gains = self._gains(self._character_occurrences(text), label)
        if len(places):
            singles, pairs = gains[: len(places)], gains[len(places) :]
            credit[places] += singles + (pairs[:-1] + pairs[1:]) / 2
            credit[places[0]] += pairs[0] / 2
            credit[places[-1]] += pairs[-1] / 2
        return [
            Credit(start, start + len(word), float(credit[start : start + len(word)].sum()))
            for start, word in words
        ]

    def known_share(self, text: NormalText) -> float:
        """Share of the text's words that the model met in training; 0 when it has no words."""
        occurrences = self._word_occurrences(text)
        return float((occurrences >= 0).mean()) if len(occurrences) else 0.0

    def _words(self, text: NormalText) -> list[tuple[int, str]]:
        words: list[tuple[int, str]] = []
        start = text.body
        for word in self._tokeniser.cut(text.matter):
            if word[0].isalnum():
                words.append((start, word))
            start += len(word)
        return words

    def _word_occurrences(self, text: NormalText) -> Rows:
        """Row of every word of the text in order, -1 where it is unknown."""
        return np.array(
            [self._row_of_word.get(word, -1) for _, word in self._words(text)], dtype=np.intp
        )

    def _character_occurrences(self, text: NormalText) -> Rows:
        """Row of every character n-gram of the text in order, -1 where it is unknown."""
        table = self.weights.character_keys
        keys = character_keys(text.characters)
        found = np.minimum(np.searchsorted(table, keys), len(table) - 1)
        return np.where(table[found] == keys, found + len(self.weights.words), -1)

    def _block(self, occurrences: Rows) -> tuple[Rows, npt.NDArray[np.intp], Floats]:
        """Known rows once each, how often each occurs, and their scaled values."""
        rows, counts = np.unique(occurrences[occurrences >= 0], return_counts=True)
        values: Floats = (1 + np.log(counts)).astype(np.float32) * self.weights.idf[rows]
        length = np.sqrt(values @ values)
        return rows, counts, values / length if length else values

    def _gains(self, occurrences: Rows, label: int) -> npt.NDArray[np.float64]:
        """Part of each occurrence in the centred logit of `label`; 0 where it is unknown."""
        rows, counts, values = self._block(occurrences)
        weights = self.weights.weights[rows, : len(self._membership)]
        per_occurrence = values * (weights[:, label] - weights.mean(axis=1)) / counts
        gains = np.zeros(len(occurrences))
        known = occurrences >= 0
        gains[known] = per_occurrence[np.searchsorted(rows, occurrences[known])]
        return gains
