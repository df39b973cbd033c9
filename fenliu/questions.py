"""Questions to ask the caller: which of them would best tell the remaining candidates apart.

A question names the answers that a caller may give and, for each, the types (code prefixes) which
that answer speaks for. Its worth is the information, in bits, that the answer is expected to give
about the type; further questions are chosen for what they add to those before. A type that no
answer speaks for may come with any of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from fenliu.errors import RuleError
from fenliu.question_choice import best_questions

MOST_QUESTIONS = 3
# A question that is expected to bring less than this many bits is not worth a caller's time.
LEAST_GAIN = 0.1

Chances = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """What to ask, and which types (code prefixes) each answer speaks for."""

    ask: str
    answers: tuple[tuple[str, ...], ...]

    def chances(self, labels: Sequence[str]) -> Chances:
        """Probability of each answer for a call of each label, shape (labels, answers)."""
        speaks = np.array([[label.startswith(codes) for codes in self.answers] for label in labels])
        speaks |= ~speaks.any(axis=1, keepdims=True)
        result: Chances = speaks / speaks.sum(axis=1, keepdims=True)
        return result


class Questions:
    """All questions of an installation, made ready for a list of labels."""

    def __init__(self, questions: Sequence[Question], labels: Sequence[str]) -> None:
        self.questions = tuple(questions)
        chances = [question.chances(labels) for question in questions]
        # Answers of all questions side by side, (labels, answers); `starts` is where each begins.
        self._chances = np.hstack([np.empty((len(labels), 0)), *chances])
        self._starts = np.cumsum([0, *(c.shape[1] for c in chances)])
        # How unsure the answer still is when the label is known, (labels, questions).
        noise = [_entropy(c).sum(axis=1) for c in chances]
        self._noise = np.array(noise).reshape(len(chances), len(labels)).T

    def choose(self, probabilities: Chances) -> list[str]:
        """Up to three questions that best split the labels, whose probabilities (k,) sum to 1."""
        running = np.flatnonzero(probabilities)
        chosen = best_questions(
            probabilities[running],
            self._chances[running],
            self._starts,
            self._noise[running],
            MOST_QUESTIONS,
            LEAST_GAIN,
        )
        return [self.questions[place].ask for place in chosen.tolist()]


def _entropy(distribution: Chances) -> Chances:
    """-p log2 p of each entry, 0 for p = 0."""
    result: Chances = -distribution * np.log2(np.maximum(distribution, np.finfo(float).tiny))
    return result


def load_questions(path: Path, labels: Sequence[str]) -> Questions:
    """Read the questions for some types; raises RuleError where the file has another shape."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        questions = tuple(
            Question(entry["ask"], tuple(tuple(codes) for codes in entry["answers"].values()))
            for entry in raw["questions"]
        )
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as e:
        reason = " ".join(str(e).split())
        raise RuleError(f"questions {path} cannot be used: {reason}") from e
    return Questions(questions, labels)
