"""The scorer's arithmetic, compiled: a text's features in, probabilities or credits out.

A text comes as code points of its characters with both ends (`points`, n + 2 of them, none for a
text without characters) and as the row of each of its words (`word_rows`, -1 where unknown).
Character features are found in a hash table: `slots_key` and `slots_row` have a power of two of
places, a place with row -1 is free, collisions go on to the next place. The row of the first
character feature in `idf` and `weights` is `first_character`, behind the words.
"""

from typing import Any

import numpy as np

from fenliu.compiled import compiled

_BITS = np.uint64(21)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: Fibonacci hashing
_FOLD = np.uint64(32)


@compiled
def _place(key: Any, mask: Any) -> Any:
    return ((key * _SPREAD) >> _FOLD) & mask


@compiled
def build_slots(keys: Any) -> Any:
    """Hash table of (m,) distinct uint64 keys whose values are their positions."""
    size = 16
    while size < 2 * len(keys):
        size *= 2
    mask = np.uint64(size - 1)
    slots_key = np.zeros(size, dtype=np.uint64)
    slots_row = np.full(size, -1, dtype=np.int32)
    for row in range(len(keys)):
        place = _place(keys[row], mask)
        while slots_row[place] >= 0:
            place = (place + np.uint64(1)) & mask
        slots_key[place] = keys[row]
        slots_row[place] = row
    return slots_key, slots_row


@compiled
def _find(key: Any, slots_key: Any, slots_row: Any, mask: Any) -> Any:
    place = _place(key, mask)
    while slots_row[place] >= 0:
        if slots_key[place] == key:
            return slots_row[place]
        place = (place + np.uint64(1)) & mask
    return np.int32(-1)


@compiled
def _character_rows(points: Any, slots_key: Any, slots_row: Any) -> Any:
    """Row of each single character, then of each pair, ends included; -1 where unknown."""
    mask = np.uint64(len(slots_row) - 1)
    count = max(len(points) - 2, 0)
    rows = np.empty(2 * count + 1 if count else 0, dtype=np.int32)
    for i in range(count):
        rows[i] = _find(np.uint64(points[i + 1]), slots_key, slots_row, mask)
    for i in range(len(rows) - count):
        pair = np.uint64(points[i]) | (np.uint64(points[i + 1]) << _BITS)
        rows[count + i] = _find(pair, slots_key, slots_row, mask)
    return rows


@compiled
def _block(rows: Any, first: Any, idf: Any) -> Any:
    """Known rows once each (`first` added), how often each occurs, and their scaled values."""
    known = np.sort(rows[rows >= 0])
    unique = np.empty(len(known), dtype=np.int64)
    counts = np.zeros(len(known), dtype=np.int64)
    size = 0
    for i in range(len(known)):
        if i == 0 or known[i] != known[i - 1]:
            unique[size] = known[i] + first
            size += 1
        counts[size - 1] += 1
    values = np.empty(size, dtype=np.float64)
    length = 0.0
    for i in range(size):
        values[i] = (1.0 + np.log(counts[i])) * idf[unique[i]]
        length += values[i] * values[i]
    for i in range(size):
        values[i] /= np.sqrt(length)
    return unique[:size], counts[:size], values


@compiled
def _add_rows(logits: Any, unique: Any, values: Any, weights: Any) -> None:
    for i in range(len(unique)):
        row = weights[unique[i]]
        value = np.float32(values[i])
        for j in range(len(logits)):
            logits[j] += value * row[j]


@compiled
def _log_softmax(logits: Any, temperature: Any) -> Any:
    scaled = logits.astype(np.float64) / temperature
    top = scaled.max()
    return scaled - top - np.log(np.exp(scaled - top).sum())


@compiled
def _blend(labels: Any, owners: Any, owner_of: Any, owner_weight: Any) -> Any:
    """See `fenliu.scorer.blend`; `owner_of` (k,) is the owner's column of each label."""
    by_labels = np.zeros(len(owners))
    for j in range(len(labels)):
        by_labels[owner_of[j]] += np.exp(labels[j])
    shifted = np.empty(len(labels))
    for j in range(len(labels)):
        owner = owner_of[j]
        shifted[j] = labels[j] + owner_weight * (owners[owner] - np.log(by_labels[owner]))
    return np.exp(_log_softmax(shifted, 1.0))


@compiled
def distributions(
    points: Any,
    point_ends: Any,
    word_rows: Any,
    word_ends: Any,
    slots_key: Any,
    slots_row: Any,
    first_character: Any,
    idf: Any,
    weights: Any,
    bias: Any,
    owner_of: Any,
    calibration: Any,
) -> Any:
    """Probabilities of all labels for many texts, (texts, k) float32.

    Points and word rows of all texts lie behind each other; text i ends at `point_ends[i]` and
    `word_ends[i]`. `calibration`: temperature, owner temperature, owner weight.
    """
    count = len(owner_of)
    result = np.empty((len(point_ends), count), dtype=np.float32)
    point = word = 0
    for i in range(len(point_ends)):
        logits = bias.copy()
        unique, _, values = _block(word_rows[word : word_ends[i]], 0, idf)
        _add_rows(logits, unique, values, weights)
        rows = _character_rows(points[point : point_ends[i]], slots_key, slots_row)
        unique, _, values = _block(rows, first_character, idf)
        _add_rows(logits, unique, values, weights)
        labels = _log_softmax(logits[:count], calibration[0])
        owners = _log_softmax(logits[count:], calibration[1])
        result[i] = _blend(labels, owners, owner_of, calibration[2])
        point, word = point_ends[i], word_ends[i]
    return result


@compiled
def _gains(rows: Any, first: Any, idf: Any, weights: Any, means: Any, label: Any) -> Any:
    """Part of each occurrence in the logit of `label` against the mean label; 0 where unknown."""
    unique, counts, values = _block(rows, first, idf)
    result = np.zeros(len(rows))
    for i in range(len(rows)):
        if rows[i] >= 0:
            place = np.searchsorted(unique, rows[i] + first)
            row = unique[place]
            result[i] = values[place] * (weights[row, label] - means[row]) / counts[place]
    return result


@compiled
def credits(
    points: Any,
    word_rows: Any,
    slots_key: Any,
    slots_row: Any,
    first_character: Any,
    idf: Any,
    weights: Any,
    means: Any,
    label: Any,
) -> Any:
    """Gain of each word as a word, and the running sum (n + 1,) of the characters' gains."""
    by_word = _gains(word_rows, 0, idf, weights, means, label)
    rows = _character_rows(points, slots_key, slots_row)
    gains = _gains(rows, first_character, idf, weights, means, label)
    count = len(rows) // 2
    running = np.zeros(count + 1)
    for i in range(count):
        left, right = gains[count + i], gains[count + i + 1]
        shared = (left + right) / 2 + gains[i]
        if i == 0:
            shared += left / 2
        if i == count - 1:
            shared += right / 2
        running[i + 1] = running[i] + shared
    return by_word, running


@compiled
def owner_sums(probabilities: Any, owner_of: Any, owners: Any) -> Any:
    """Sums of (n, k) label probabilities by owner, (n, owners)."""
    result = np.zeros((len(probabilities), owners), dtype=np.float64)
    for i in range(len(probabilities)):
        for j in range(len(owner_of)):
            result[i, owner_of[j]] += probabilities[i, j]
    return result


@compiled
def rank(probabilities: Any, owner_of: Any, owners: Any, listed: Any, best: Any) -> Any:
    """Owner sums, each owner's best label, the `best` likeliest of the first `listed` labels.

    Then the likeliest of all labels, and by how much it leads the second.
    """
    sums = np.zeros(owners, dtype=np.float64)
    by_owner = np.full(owners, -1, dtype=np.int64)
    top, second = -1, -1
    for j in range(len(owner_of)):
        owner = owner_of[j]
        sums[owner] += probabilities[j]
        if by_owner[owner] < 0 or probabilities[j] > probabilities[by_owner[owner]]:
            by_owner[owner] = j
        if top < 0 or probabilities[j] > probabilities[top]:
            top, second = j, top
        elif second < 0 or probabilities[j] > probabilities[second]:
            second = j
    order = np.empty(best, dtype=np.int64)
    filled = 0
    for j in range(listed):
        place = filled
        while place > 0 and probabilities[j] > probabilities[order[place - 1]]:
            place -= 1
        if place < best:
            filled = min(filled + 1, best)
            for shift in range(filled - 1, place, -1):
                order[shift] = order[shift - 1]
            order[place] = j
    return sums, by_owner, order[:filled], top, probabilities[top] - probabilities[second]


@compiled
def unseen_pairs(points: Any, slots_key: Any, slots_row: Any) -> Any:
    """Whether each of the n + 1 pairs of neighbouring characters is unknown, ends included."""
    rows = _character_rows(points, slots_key, slots_row)
    return rows[len(rows) // 2 :] < 0
