import pytest

from fenliu.errors import CorpusError
from training.rows import Row, read_rows
from training.split import split
from training.stages import Workspace


def row(text: str, batch: str) -> Row:
    return Row(text, "0101", "short", batch)


ROWS = [
    row("楼上漏水", "a"),
    row("电瓶车被偷", "a"),
    row("打麻将太吵", "b"),
    row("漏水楼上漏水", "c"),
]


def test_whole_batches_are_held_out_and_leaks_leave_training() -> None:
    parts = split(ROWS, ["b"], ["c"], near_duplicate=0.7)
    assert [r.text for r in parts.train] == ["电瓶车被偷"]
    assert parts.dropped == 1
    assert [r.batch for r in parts.calibration + parts.test] == ["b", "c"]


@pytest.mark.parametrize(
    ("calibration", "test", "says"),
    [
        (["x"], [], "no batch is called 'x'"),
        (["b"], ["b"], "both|and"),
        (["a", "b"], ["c"], "left"),
    ],
)
def test_wrong_batches_are_named(calibration: list[str], test: list[str], says: str) -> None:
    with pytest.raises(CorpusError, match=says):
        split(ROWS, calibration, test, near_duplicate=0.7)


def test_no_batch_is_on_two_sides(small_workspace: Workspace) -> None:
    sides = [
        {row.batch for row in read_rows(small_workspace.stages / f"{name}.jsonl")}
        for name in ("train", "calibration", "test")
    ]
    assert all(sides)
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
