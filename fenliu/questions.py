"""Questions to ask the caller: which of them would best tell the remaining candidates apart.

A question names the answers that a caller may give and, for each, the types (code prefixes) which
that answer speaks for. Its worth is the information, in bits, that the answer is expected to give
about the type; further questions are chosen for what they add to those before. A type that no
answer speaks for may come with any of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from fenliu.errors import RuleError

MOST_QUESTIONS = 3
# A question that is expected to bring less than this many bits is not worth a caller's time.
LEAST_GAIN = 0.1

Chances = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """What to ask, and which types each answer speaks for."""

    ask: str
    answers: tuple[tuple[str, ...], ...]

    def chances(self, labels: list[str]) -> Chances:
        """Probability of each answer for a call of each label, shape (labels, answers)."""
        speaks = np.array([[label.startswith(codes) for codes in self.answers] for label in labels])
        speaks |= ~speaks.any(axis=1, keepdims=True)
        result: Chances = speaks / speaks.sum(axis=1, keepdims=True)
        return result


class Questions:
    """All questions of an installation."""

    def __init__(self, questions: tuple[Question, ...]) -> None:
        self.questions = questions

    def choose(self, probabilities: Mapping[str, float]) -> list[str]:
        """Up to three questions that best split the labels, whose probabilities sum to 1."""
        labels = list(probabilities)
        weights = np.array([probabilities[label] for label in labels])
        left = {question.ask: question.chances(labels) for question in self.questions}
        asked = np.ones((len(labels), 1))
        known = 0.0
        chosen: list[str] = []
        while left and len(chosen) < MOST_QUESTIONS:
            joint = {ask: _jointly(asked, chances) for ask, chances in left.items()}
            information = {ask: _information(weights, chances) for ask, chances in joint.items()}
            best = max(information, key=lambda ask: information[ask])
            if information[best] - known < LEAST_GAIN:
                break
            chosen.append(best)
            known, asked = information[best], joint[best]
            del left[best]
        return chosen


def _jointly(first: Chances, second: Chances) -> Chances:
    """Chances of all pairs of answers to two questions, answered independently given the label."""
    return (first[:, :, None] * second[:, None, :]).reshape(len(first), -1)


def _information(weights: Chances, chances: Chances) -> float:
    """Mutual information in bits between label and answer."""
    return float(_entropy(weights @ chances) - weights @ _entropy(chances))


def _entropy(distribution: Chances) -> Any:
    logs = np.log2(distribution, where=distribution > 0, out=np.zeros_like(distribution))
    return -(distribution * logs).sum(axis=-1)


def load_questions(path: Path) -> Questions:
    """Read the questions; raises RuleError where the file has another shape."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        questions = tuple(
            Question(entry["ask"], tuple(tuple(codes) for codes in entry["answers"].values()))
            for entry in raw["questions"]
        )
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as e:
        reason = " ".join(str(e).split())
        raise RuleError(f"questions {path} cannot be used: {reason}") from e
    return Questions(questions)
