"""Pairs of narratives that are the same but for a few characters.

Similarity is the Jaccard index of the sets of character bigrams of the normalised texts without
punctuation, so that reordered clauses and swapped particles count as the same.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fenliu.text import normalise


@dataclass(frozen=True, slots=True)
class Pair:
    """Positions of two near-duplicates, the earlier first."""

    first: int
    second: int
    similarity: float


def bigrams(text: str) -> frozenset[str]:
    """Character bigrams of a text as the model sees it; the text itself if it has one character."""
    characters = normalise(text).characters
    return frozenset(characters[i : i + 2] for i in range(max(len(characters) - 1, 1)))


def near_duplicates(texts: Sequence[str], threshold: float) -> Iterator[Pair]:
    """All pairs at least `threshold` alike (0 < threshold <= 1), by an inverted index.

    Only the rarest bigrams of a text need to be looked up: two texts that are alike enough share
    at least one of them (prefix filtering).
    """
    sets = [bigrams(text) for text in texts]
    frequency = Counter(bigram for found in sets for bigram in found)
    index: dict[str, list[int]] = defaultdict(list)
    for second, found in enumerate(sets):
        ordered = sorted(found, key=lambda bigram: (frequency[bigram], bigram))
        prefix = ordered[: len(ordered) - _least_overlap(len(ordered), threshold) + 1]
        for first in sorted({first for bigram in prefix for first in index[bigram]}):
            shared = len(found & sets[first])
            similarity = shared / (len(found) + len(sets[first]) - shared)
            if similarity >= threshold:
                yield Pair(first, second, similarity)
        for bigram in prefix:
            index[bigram].append(second)


def _least_overlap(size: int, threshold: float) -> int:
    """Bigrams that a partner must share at least: a similar set is no smaller than threshold."""
    return max(1, -int(-size * threshold // 1))
