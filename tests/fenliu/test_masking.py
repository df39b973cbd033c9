"""What points to a person is starred out, whatever it is written like; the rest stays."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fenliu.masking import find_numbers, mask

MOBILE = "13812345678"
CHINESE = st.text("报警人称老板欠钱不给打了邻居装修吵架，。！", max_size=12)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("电话13812345678。", "电话***********。"),
        ("电话１３８－１２３４－５６７８", "电话***－****－****"),
        ("138 1234 5678", "*** **** ****"),
        ("1.3.8.1.2.3.4.5.6.7.8", "*.*.*.*.*.*.*.*.*.*.*"),
        ("138\u200b1234\u200b5678", "***\u200b****\u200b****"),
        ("幺三八一二三四五六七八", "***********"),
        ("+8613812345678", "+*************"),
        ("+86 138-1234-5678", "+** ***-****-****"),
        ("座机010-87654321转123", "座机***-********转***"),
        ("（０５７１）8765432", "（****）*******"),
        ("0755 8765 4321", "**** **** ****"),
        ("电话87654321", "电话********"),
        ("座机：8765-4321", "座机：****-****"),
        ("400-123-4567", "***-***-****"),
        ("身份证11010119900307123X", "身份证******************"),
        ("身份证１１０１０１１９９００３０７１２３ｘ", "身份证******************"),
        ("110101 19900307 1234", "****** ******** ****"),
        ("老身份证110101900307123", "老身份证***************"),
        ("粤B12345撞了我", "*******撞了我"),
        ("粤B·D12345", "**·******"),
        ("粤b d12345", "** ******"),
        ("滬A12345D", "********"),
        ("京A1234学", "*******"),
        ("使014578", "*******"),
        ("卡号6222021234567890128", "卡号*******************"),
        ("卡号6222 0212 3456 7894 转走35元", "卡号**** **** **** **** 转走35元"),
        ("1 3 1 3 8 1 2 3 4 5 6 7 8", "* * * * * * * * * * * * *"),
        ("13812345678/13987654321", "***********/***********"),
        ("单号SF1234567890", "单号SF**********"),
    ],
)
def test_numbers_of_a_person_are_starred(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "报警人称老板欠三个月工钱不给",
        "工资5000-8000元，欠了1000000元，转走2000000元",
        "2026-11-25 09:30",
        "20261125-000123",
        "3栋2单元502室",
        "拨打110、119、12345",
        "2019-2020年的账",
        "新B座12345",
        "一共九十九万",
        "7894 3456 0212 6223 的另一张",
        "",
    ],
)
def test_what_points_to_nobody_stays(text: str) -> None:
    assert mask(text) == text


def test_each_kind_is_named_with_its_place() -> None:
    text = "甲13812345678，乙11010119900307123X，粤B12345"
    found = {entry.kind: text[entry.start : entry.end] for entry in find_numbers(text)}
    assert found["phone"] == MOBILE
    assert found["id_card"] == "11010119900307123X"
    assert found["plate"] == "粤B12345"


def written(number: str) -> st.SearchStrategy[str]:
    """A number as people and programs write it: full-width, taken apart, in lower case."""
    wide = st.booleans().map(
        lambda on: number.translate({c: c + 0xFEE0 for c in range(0x30, 0x5B)}) if on else number
    )
    separator = st.sampled_from(["", "-", " ", "－", "·", "\u200b", "—"])
    return st.tuples(wide, separator, st.integers(1, 4), st.booleans()).map(
        lambda drawn: _cut(drawn[0].lower() if drawn[3] else drawn[0], drawn[1], drawn[2])
    )


def _cut(number: str, separator: str, size: int) -> str:
    return separator.join(number[i : i + size] for i in range(0, len(number), size))


def luhn(body: str) -> str:
    digits = [int(c) for c in body]
    doubled = [d * 2 if i % 2 == 0 else d for i, d in enumerate(reversed(digits))]
    return body + str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)


digits = st.text("0123456789", min_size=1)
mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
landlines = st.from_regex(r"0(10|2[0-9]|[3-9][0-9]{2})[2-9][0-9]{6,7}", fullmatch=True)
id_cards = st.from_regex(
    r"[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]",
    fullmatch=True,
)
old_id_cards = st.from_regex(
    r"[1-9][0-9]{7}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}", fullmatch=True
)
plates = st.from_regex(r"[京沪粤川新云][A-Z]([A-Z0-9]{5}|[DF][A-Z0-9][0-9]{4})", fullmatch=True)
cards = st.from_regex(r"[1-9][0-9]{14,17}", fullmatch=True).map(luhn)
numbers = st.one_of(mobiles, landlines, id_cards, old_id_cards, cards)


@given(CHINESE, numbers.flatmap(written), CHINESE)
def test_no_digit_of_a_number_is_left(before: str, number: str, after: str) -> None:
    masked = mask(before + number + after)
    assert not re.search(r"[\dxXｘＸ]", masked)
    assert masked.startswith(before)
    assert masked.endswith(after)


@given(CHINESE, plates, st.sampled_from(["", "·", " ", "-"]), CHINESE)
def test_no_character_of_a_plate_is_left(before: str, plate: str, dot: str, after: str) -> None:
    assert (
        mask(f"{before}{plate[:2]}{dot}{plate[2:]}{after}")
        == f"{before}**{dot}*****" + ("*" * (len(plate) - 7)) + after
    )


@given(st.text())
@example("一三八一二三四五六七八" * 3)
@example("粤B12345" * 5)
def test_masking_keeps_every_place_and_is_done_once(text: str) -> None:
    masked = mask(text)
    assert len(masked) == len(text)
    assert all(new in (old, "*") for new, old in zip(masked, text, strict=True))
    assert mask(masked) == masked


@given(st.text("abc报警人 ，。", max_size=50))
def test_a_text_without_numbers_stays(text: str) -> None:
    assert mask(text) == text
