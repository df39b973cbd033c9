import pytest

from fenliu.assessment import CLAUSE_FLAG, Assessor, clauses
from fenliu.classifier import Classifier
from fenliu.text import normalise

STORY = (
    "楼上漏水把我家天花板泡坏了，找他赔钱他说没钱，物业也来调解过，居委会也来过，"
    "一直拖到现在，他昨天打了我一顿，墙纸和地板算下来要五千块，就想让他把钱赔了"
)


def pieces(text: str) -> list[str]:
    normal = normalise(text)
    return [normal.text[start:end] for start, end in clauses(normal)]


def test_clauses_are_taken_singly_and_with_their_neighbour() -> None:
    assert pieces("报警人称楼上漏水，找他赔钱。不肯") == [
        "楼上漏水",
        "楼上漏水,找他赔钱",
        "找他赔钱",
        "找他赔钱.不肯",
    ]


def test_speech_without_punctuation_is_cut_into_windows() -> None:
    speech = "那个我家楼上漏水漏了好几天了然后我去找他他就是不开门后来物业也来了说管不了"
    found = pieces(speech)
    assert len(found) > 4
    assert all(len(piece) <= 32 for piece in found)
    assert {c for piece in found for c in piece} == set(speech)


@pytest.mark.parametrize("text", ["吵", "漏水", "楼上漏水"])
def test_a_single_clause_is_not_judged_twice(classifier: Classifier, text: str) -> None:
    assert not [f for f in classifier.decide(text).red_flags if f.id == CLAUSE_FLAG]


def test_a_police_matter_in_passing_forbids_a_diversion(classifier: Classifier) -> None:
    bundle = classifier.bundle
    no_rules = type(bundle.red_flags)(())
    assessor = Assessor(bundle.scorer, no_rules, bundle.taxonomy, clause_threshold=0.5)
    (flag,) = assessor.assess(normalise(STORY)).flags
    assert (flag.id, flag.level) == (CLAUSE_FLAG, "caution")
    assert "打了我" in flag.text
    assert STORY[flag.start : flag.end] == flag.text
    never = Assessor(bundle.scorer, no_rules, bundle.taxonomy, clause_threshold=1)
    assert never.assess(normalise(STORY)).flags == []
