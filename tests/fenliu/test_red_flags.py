from pathlib import Path
from typing import Any

import pytest
import yaml

from fenliu import paths
from fenliu.errors import RuleError
from fenliu.red_flags import RedFlags, failed_examples, load_red_flags
from fenliu.text import normalise

FLAGS = load_red_flags(paths.RED_FLAGS)
EXAMPLES = [example for rule in FLAGS.rules for example in (*rule.fires, *rule.silent)]


def ids(text: str) -> list[str]:
    return [flag.id for flag in FLAGS.find(normalise(text))]


def rules_of(folder: Path, *rules: dict[str, Any], **top: Any) -> RedFlags:
    path = folder / "red_flags.yaml"
    path.write_text(yaml.safe_dump({**top, "rules": list(rules)}, sort_keys=False), "utf-8")
    return load_red_flags(path)


def rule(patterns: Any, **more: Any) -> dict[str, Any]:
    return {"id": "x", "name": "x", "level": "danger", "patterns": patterns} | (
        {"fires": [], "silent": []} | more
    )


def fires(flags: RedFlags, text: str) -> bool:
    return bool(flags.find(normalise(text)))


def test_every_rule_passes_its_own_examples() -> None:
    assert all(len(rule.fires) >= 3 and len(rule.silent) >= 2 for rule in FLAGS.rules)
    assert failed_examples(FLAGS) == []


def test_a_hit_shows_its_place_in_the_original_text() -> None:
    narrative = "　称 对方 拿著 菜刀 要 砍人"
    flag = FLAGS.find(normalise(narrative))[0]
    assert flag.id == "weapon"
    assert narrative[flag.start : flag.end] == flag.text
    assert "菜刀" in flag.text


@pytest.mark.parametrize(
    "text",
    [
        "修空调嫌贵争起来，他从工具包里抽出一根撬棍放在车座上，价格还没谈拢",
        "退押金的事慢慢谈，他们把门从里面反锁了，说签了字才放我走",
        "物业费的事，经理笑着说知道我女儿在哪个班上学",
        "为漏水吵了几句，楼上老爷子忽然倒地不醒，水还在流",
        "去要工钱，老板没在，后厨一股煤气味，工钱怎么算",
        "分家产谈不拢，弟弟爬到楼顶坐着，房子到底归谁",
        "打车绕路多收二十，司机一身酒味还在开车",
    ],
)
def test_danger_told_in_passing_is_found(text: str) -> None:
    assert "danger" in {flag.level for flag in FLAGS.find(normalise(text))}


@pytest.mark.parametrize(
    "text",
    [
        "双方没有动手",
        "说急了拍了桌子，谁也没动手",
        "隔壁以为打架报的警，其实就是声音大",
        "现在就是吵，别打起来就好",
        "我没跟他们动手也没挡路",
        "就我一个人来的，没拉横幅",
        "不是着火，是烧秸秆",
        "老板说再闹就报警",
    ],
)
def test_what_did_not_happen_is_no_danger(text: str) -> None:
    assert ids(text) == []


def test_negation_counts_only_in_its_own_clause() -> None:
    assert "violence" in ids("没有还钱，还动手了")
    assert "violence" in ids("没想到他打我")


def test_danger_comes_before_caution() -> None:
    levels = [f.level for f in FLAGS.find(normalise("故意砸店，还拿刀威胁，不让走"))]
    assert levels == sorted(levels, key=lambda level: level != "danger")
    assert set(levels) == {"danger", "caution"}


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_short_cut_by_characters_loses_no_hit(text: str) -> None:
    normal = normalise(text)
    assert {flag.id for flag in FLAGS.find(normal)} == {
        rule.id for rule in FLAGS.rules if rule.find(normal)
    }


def test_fragments_and_gaps_are_spelled_out(tmp_path: Path) -> None:
    let = {"limb": ["胳膊", "腿"], "hurt": "(?:踢|踹)~2{limb}"}
    flags = rules_of(tmp_path, rule({"blow": "{hurt}了?\n  {limb}?"}), let=let)
    assert fires(flags, "他踢我的腿")
    assert not fires(flags, "他踢了一下我的腿")  # further than two characters
    assert not fires(flags, "他踢，腿")  # another clause
    wider = rules_of(tmp_path, rule({"blow": "踢~~3{limb}"}), let=let)
    assert fires(wider, "他踢，腿")
    assert not fires(wider, "他踢。腿")


def test_an_exception_counts_only_for_its_own_patterns(tmp_path: Path) -> None:
    kick = {"match": ["踢~3腿"], "except": ["踢球"]}
    flags = rules_of(tmp_path, rule({"kick": kick, "hit": "打~3腿"}))
    assert not fires(flags, "踢球伤了腿")
    assert fires(flags, "踢球，又踢我腿")
    assert fires(flags, "踢球时打我腿")


def test_a_group_of_patterns_can_ignore_negation(tmp_path: Path) -> None:
    flags = rules_of(tmp_path, rule({"life": {"match": "想活", "negation": False}, "blow": "打人"}))
    assert fires(flags, "不想活")
    assert not fires(flags, "没打人")


def test_rules_of_an_older_bundle_still_load(tmp_path: Path) -> None:
    flags = rules_of(tmp_path, rule(["打.{0,2}人"], **{"except": ["打工人"], "negation": False}))
    assert fires(flags, "不打人")
    assert not fires(flags, "打工人")


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (rule([]) | {"level": "high"}, "red flag x: level 'high'"),
        ({"id": "x", "name": "x", "level": "danger"}, "red flag x has no patterns"),
        (rule({"blow": ["打", "("]}), "red flag x, blow, line 2 is no regular expression"),
        (rule({"blow": "{limb}"}), r"red flag x, blow, line 1 uses the fragment \{limb\}"),
        (rule({"blow": {"match": "打", "except": ["("]}}), "red flag x, blow, exceptions"),
        (rule({"blow": {"except": ["打"]}}), "red flag x, blow has no match"),
        ({"name": "x"}, "cannot be used"),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, broken: dict[str, Any], named: str) -> None:
    with pytest.raises(RuleError, match=named):
        rules_of(tmp_path, broken)


def test_a_fragment_that_is_not_defined_above_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="fragment a uses the fragment"):
        rules_of(tmp_path, let={"a": "{b}", "b": "打"})
