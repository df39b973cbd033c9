from pathlib import Path

import pytest
import yaml

from fenliu import paths
from fenliu.errors import RuleError
from fenliu.red_flags import failed_examples, load_red_flags
from fenliu.text import normalise

FLAGS = load_red_flags(paths.RED_FLAGS)


def ids(text: str) -> list[str]:
    return [flag.id for flag in FLAGS.find(normalise(text))]


def test_every_rule_passes_its_own_examples() -> None:
    assert all(len(rule.fires) >= 3 and len(rule.silent) >= 2 for rule in FLAGS.rules)
    assert failed_examples(FLAGS) == []


def test_a_hit_shows_its_place_in_the_original_text() -> None:
    narrative = "　称 对方 拿著 菜刀 要 砍人"
    flag = FLAGS.find(normalise(narrative))[0]
    assert flag.id == "weapon"
    assert narrative[flag.start : flag.end] == flag.text
    assert "菜刀" in flag.text


def test_negation_counts_only_in_its_own_clause() -> None:
    assert ids("双方没有动手") == []
    assert "violence" in ids("没有还钱，还动手了")


def test_danger_comes_before_caution() -> None:
    levels = [f.level for f in FLAGS.find(normalise("故意砸店，还拿刀威胁，不让走"))]
    assert levels == sorted(levels, key=lambda level: level != "danger")
    assert set(levels) == {"danger", "caution"}


@pytest.mark.parametrize(
    "rule",
    [{"id": "x", "name": "x", "level": "high"}, {"id": "x", "name": "x", "level": "danger"}],
)
def test_a_broken_rule_is_named(tmp_path: Path, rule: dict[str, str]) -> None:
    path = tmp_path / "red_flags.yaml"
    path.write_text(yaml.safe_dump({"rules": [rule]}), encoding="utf-8")
    with pytest.raises(RuleError):
        load_red_flags(path)


def test_a_broken_pattern_is_named(tmp_path: Path) -> None:
    path = tmp_path / "red_flags.yaml"
    rule = {"id": "x", "name": "x", "level": "danger", "patterns": ["("], "fires": [], "silent": []}
    path.write_text(yaml.safe_dump({"rules": [rule]}), encoding="utf-8")
    with pytest.raises(RuleError, match="cannot be used"):
        load_red_flags(path)
