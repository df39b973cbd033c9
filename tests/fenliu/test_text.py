import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenliu.errors import InvalidInput
from fenliu.text import MAX_CHARACTERS, check_text, normalise


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("電瓶車被偷", "电瓶车被偷"),
        ("ＡＢＣ超市　欠３００元", "abc超市欠000元"),
        ("欠\u200b钱 不\t还", "欠钱不还"),
        ("已打120，头上流血", "已打120,头上流血"),
        ("电，瓶，车，被，偷", "电瓶车被偷"),
        ("电 瓶 车 被 偷", "电瓶车被偷"),
    ],
)
def test_one_matter_written_in_many_ways_becomes_one_text(written: str, seen: str) -> None:
    assert normalise(written).text == seen


@pytest.mark.parametrize(
    ("narrative", "matter"),
    [
        ("报警人称老板欠工资", "老板欠工资"),
        ("称与老公吵架", "与老公吵架"),
        ("市民来电反映，楼下太吵", "楼下太吵"),
        ("其电瓶车被偷", "电瓶车被偷"),
        ("称", "称"),
        ("称重不准跟摊主吵", "重不准跟摊主吵"),
    ],
)
def test_openings_are_kept_out_of_the_matter(narrative: str, matter: str) -> None:
    assert normalise(narrative).matter == matter


@pytest.mark.parametrize(
    ("narrative", "matter"),
    [
        ("老板欠薪，以上内容由来电人反映，请派辖区民警前往核查后回复。", "老板欠薪"),
        ("楼上漏水。请有关单位按期限办结并答复！", "楼上漏水"),
        ("被打了，工单1234已登记；详细情况待民警到场了解", "被打了"),
        ("请尽快派民警到场处理", "请尽快派民警到场处理"),
        ("打架，请民警处理", "打架,请民警处理"),
        ("吵架，请派民警到场，对方有刀", "吵架,请派民警到场,对方有刀"),
        ("吵架，请尽快派民警到场处理，他拿刀", "吵架,请尽快派民警到场处理,他拿刀"),
        ("退款，请民警到场处理打人的保安", "退款,请民警到场处理打人的保安"),
    ],
)
def test_closing_formulas_are_kept_out_and_facts_never(narrative: str, matter: str) -> None:
    assert normalise(narrative).matter.rstrip(",.;!") == matter


def test_a_closing_formula_without_end_is_no_burden() -> None:
    assert normalise("吵架，" + "及时" * 4000 + "砍").end is None
    assert normalise("吵架" + "，请民警及时到场处理" * 900).matter == "吵架,"


@given(st.text(min_size=1, max_size=60))
def test_every_piece_leads_back_to_its_place_in_the_narrative(narrative: str) -> None:
    text = normalise(narrative)
    for place, character in enumerate(text.text):
        start, end = text.span(place, place + 1)
        assert end == start + 1
        origin = normalise(narrative[start:end]).text
        assert character in origin or character == "0" or not origin


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (" \n\t　", "is empty"),
        ("……？！", "is empty"),
        ("吵架\x00了", "U+0000 at position 2"),
        ("吵架\ud800", "U+D800"),
        ("啊" * (MAX_CHARACTERS + 1), "the limit is 10,000"),
        (12, "must be a string, not int"),
        (None, "must be a string"),
    ],
)
def test_unusable_narratives_are_refused_with_the_mend(text: object, says: str) -> None:
    with pytest.raises(InvalidInput, match=says.replace("+", r"\+")) as caught:
        check_text(text, field="calls[0].text")
    assert caught.value.field == "calls[0].text"


def test_errors_never_repeat_the_narrative() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_text("老王家的秘密\x01")
    assert "秘密" not in str(caught.value)


def test_line_breaks_and_tabs_are_taken() -> None:
    assert check_text("第一句\r\n第二句\t完") == "第一句\r\n第二句\t完"
