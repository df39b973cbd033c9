"""The greedy choice of questions, compiled; `fenliu.questions` says what it is for.

Answers to two questions are independent given the label, so what several tell together about it is
the entropy of their joint answers less the noise of each.
"""

from typing import Any

import numpy as np

from fenliu.compiled import compiled


@compiled
def _entropy_of_answers(joint: Any, chances: Any, first: Any, end: Any) -> Any:
    """Entropy in bits of the answers so far together with those in columns [first, end)."""
    result = 0.0
    for answer in range(first, end):
        for row in range(len(joint)):
            share = 0.0
            for label in range(len(chances)):
                share += joint[row, label] * chances[label, answer]
            if share > 0.0:
                result -= share * np.log2(share)
    return result


@compiled
def _with_answers(joint: Any, chances: Any, first: Any, end: Any) -> Any:
    """Joint shares of (answers so far, answers in columns [first, end)) by label."""
    count = end - first
    result = np.empty((len(joint) * count, len(chances)))
    for row in range(len(joint)):
        for answer in range(count):
            for label in range(len(chances)):
                share = joint[row, label] * chances[label, first + answer]
                result[row * count + answer, label] = share
    return result


@compiled
def best_questions(
    weights: Any, chances: Any, starts: Any, noise: Any, most: Any, least_gain: Any
) -> Any:
    """Positions of up to `most` questions that best split some labels, best first.

    `weights` (r,) sum to 1; `chances` (r, answers) and `noise` (r, questions) are of those labels;
    question q has the answers from `starts[q]` to `starts[q + 1]`. A further question is chosen for
    at least `least_gain` bits more.
    """
    noises = np.zeros(len(starts) - 1)
    for label in range(len(weights)):
        noises += weights[label] * noise[label]
    left = np.ones(len(noises), dtype=np.bool_)
    chosen = np.empty(most, dtype=np.int64)
    size = 0
    joint = weights.copy().reshape(1, len(weights))
    known = paid = 0.0
    while size < min(most, len(noises)):
        best, information = -1, 0.0
        for question in range(len(noises)):
            if not left[question]:
                continue
            entropy = _entropy_of_answers(joint, chances, starts[question], starts[question + 1])
            if entropy - paid - noises[question] > information:
                best, information = question, entropy - paid - noises[question]
        if best < 0 or information - known < least_gain:
            break
        chosen[size] = best
        size += 1
        left[best] = False
        known = information
        paid += noises[best]
        joint = _with_answers(joint, chances, starts[best], starts[best + 1])
    return chosen[:size]
