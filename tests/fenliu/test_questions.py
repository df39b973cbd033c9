from pathlib import Path

import numpy as np
import pytest

from fenliu import paths
from fenliu.errors import RuleError
from fenliu.questions import Question, Questions, load_questions
from fenliu.taxonomy import load_taxonomy

VIOLENCE = Question("动手了吗？", (("1801",), ("0101", "0102")))
DIVORCE = Question("在谈离婚吗？", (("0102",), ("0101",)))
USELESS = Question("在哪里？", (("01", "18"),))
LABELS = ["0101", "0102", "0901", "0902", "1801"]
QUESTIONS = Questions((USELESS, VIOLENCE, DIVORCE), LABELS)


def ask(chances: dict[str, float]) -> list[str]:
    return QUESTIONS.choose(np.array([chances.get(label, 0.0) for label in LABELS]))


def test_the_question_that_splits_best_comes_first() -> None:
    assert ask({"0101": 0.5, "1801": 0.5}) == ["动手了吗？"]
    assert ask({"0101": 0.3, "0102": 0.3, "1801": 0.4}) == [
        "动手了吗？",
        "在谈离婚吗？",
    ]


def test_nothing_is_asked_when_nothing_would_be_learnt() -> None:
    assert ask({"0101": 1.0}) == []
    assert ask({"0901": 0.5, "0902": 0.5}) == []


def test_no_question_is_asked_twice() -> None:
    unsure = Question("是谁？", (("0101", "0102"), ("0102", "1801"), ("0101", "1801")))
    chosen = Questions([unsure], LABELS).choose(np.array([0.4, 0.3, 0.0, 0.0, 0.3]))
    assert chosen == ["是谁？"]


def test_a_city_may_have_no_questions() -> None:
    assert Questions([], LABELS).choose(np.full(5, 0.2)) == []


def test_all_questions_speak_of_types_of_the_lists() -> None:
    labels = load_taxonomy(paths.TAXONOMY).labels
    for question in load_questions(paths.QUESTIONS, labels).questions:
        assert len(question.answers) >= 2, question.ask
        for codes in question.answers:
            for code in codes:
                assert any(label.startswith(code) for label in labels), (question.ask, code)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "questions.yaml"
    path.write_text("questions: [{ask: x}]", encoding="utf-8")
    with pytest.raises(RuleError, match="cannot be used"):
        load_questions(path, LABELS)
