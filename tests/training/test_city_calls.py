from collections import Counter

import pytest

from fenliu import paths
from fenliu.errors import CorpusError
from fenliu.taxonomy import load_taxonomy
from training.certify import CertifySettings
from training.city_calls import (
    CALIBRATION,
    FEWEST_ALONE,
    TEST,
    TRAIN,
    beside_corpus,
    can_certify,
    divide,
    require_every_type,
    side_of,
)
from training.corpus import read_corpus
from training.rows import Row, style_of

TAXONOMY = load_taxonomy(paths.TAXONOMY)
CORPUS = [entry.row for entry in read_corpus(paths.CORPUS)]
TEXTS = [row.text for row in CORPUS if row.batch == "mix"]


def call(text: str, label: str = "0101", batch: str = "file") -> Row:
    return Row(text, label, style_of(text), batch)


def on_side(side: str) -> list[str]:
    return [text for text in TEXTS if side_of(text) == side]


def test_shares_of_the_sides_and_equal_words_on_one_side() -> None:
    sides = Counter(side_of(text) for text in TEXTS)
    assert sides[CALIBRATION] / len(TEXTS) == pytest.approx(0.15, abs=0.03)
    assert sides[TEST] / len(TEXTS) == pytest.approx(0.15, abs=0.03)
    for text in TEXTS[:200]:
        assert side_of(f" {text}。") == side_of(text)


def test_held_out_calls_stay_as_they_came_and_training_loses_repetitions() -> None:
    training, testing = on_side(TRAIN)[0], on_side(TEST)[0]
    calls = [call(training, "0102"), call(training), call(training + "。"), call(testing)]
    city = divide([*calls, call(testing, "1801")], 0.7)
    assert [(row.text, row.type) for row in city.train] == [(training, "0101")]
    assert [row.type for row in city.test] == ["0101", "1801"]


def test_training_holds_nothing_that_resembles_a_held_out_call() -> None:
    held_out = next(text for text in on_side(TEST) if len(text) > 30)
    similar = next(t for t in (f"{held_out}{c}" for c in "啊呀呢吧哦嗯") if side_of(t) == TRAIN)
    other = on_side(TRAIN)[0]
    city = divide([call(held_out), call(similar), call(other)], 0.7)
    assert [row.text for row in city.train] == [other]
    ours = [call(similar, batch="desk"), call("电瓶车在小区被偷", batch="desk")]
    rows = beside_corpus(city, ours, {"shift"}, 0.7)
    assert [row.text for row in rows] == [other, "电瓶车在小区被偷"]


def test_where_ours_and_the_citys_resemble_each_other_the_citys_stays_unless_ours_judges() -> None:
    text = on_side(TRAIN)[0]
    city = divide([call(text)], 0.7)
    assert [r.batch for r in beside_corpus(city, [call(text, batch="desk")], set(), 0.7)] == [TRAIN]
    judging = beside_corpus(city, [call(text, batch="shift")], {"shift"}, 0.7)
    assert [row.batch for row in judging] == ["shift"]


def test_thousands_of_equal_calls_are_no_burden() -> None:
    texts = ["有纠纷"] * 20_000 + ["与人有纠纷"] * 20_000
    city = divide([call(text, "vague") for text in texts], 0.7)
    assert len(city.train) + len(city.calibration) + len(city.test) >= 1


def test_alone_every_type_needs_some_calls() -> None:
    enough = [call("x", label) for label in TAXONOMY.labels for _ in range(FEWEST_ALONE)]
    require_every_type(enough, TAXONOMY)
    with pytest.raises(CorpusError, match=r"too few of 0101 \(9\): hand in more, or leave out --a"):
        require_every_type(enough[1:], TAXONOMY)
    with pytest.raises(CorpusError, match=r"0101 \(0\), .* and 111 more"):
        require_every_type([], TAXONOMY)


def test_few_calls_cannot_certify_by_themselves() -> None:
    settings = CertifySettings(0.015, 0.05, 0.5, 0.6, True, 1)
    assert not can_certify([call("x")] * 900, settings)
    assert can_certify([call("x")] * 1000, settings)
