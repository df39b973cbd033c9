import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.near_duplicates import bigrams, near_duplicates


def pairs(texts: list[str], threshold: float = 0.7) -> list[tuple[int, int]]:
    return sorted((pair.first, pair.second) for pair in near_duplicates(texts, threshold))


def test_punctuation_openings_and_order_do_not_make_a_new_text() -> None:
    assert pairs(["楼上漏水泡坏天花板", "电瓶车被偷", "报警人称，楼上漏水，泡坏天花板"]) == [(0, 2)]


def test_another_matter_is_another_text() -> None:
    assert pairs(["钱包被偷", "手机被偷", "跟老公吵架要离婚"]) == []


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9])
@given(texts=st.lists(st.text("甲乙丙丁", min_size=1, max_size=8), max_size=12))
def test_the_index_finds_what_comparing_all_finds(texts: list[str], threshold: float) -> None:
    sets = [bigrams(text) for text in texts]
    wanted = [
        (i, j)
        for j in range(len(texts))
        for i in range(j)
        if len(sets[i] & sets[j]) / len(sets[i] | sets[j]) >= threshold
    ]
    assert pairs(texts, threshold) == sorted(wanted)
