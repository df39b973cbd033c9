from pathlib import Path

import pytest

from fenliu import paths
from fenliu.errors import CorpusError
from fenliu.taxonomy import load_taxonomy
from training.relabelling import Relabelled, agreement, read_sheet, write_sheet
from training.rows import Row

TAXONOMY = load_taxonomy(paths.TAXONOMY)
ROWS = [
    Row("电瓶车被偷", "1601", "short", "desk"),
    Row("欠钱不还", "0301", "short", "desk"),
    Row("夫妻吵架", "0101", "short", "desk"),
    Row("楼上太吵", "0203", "short", "desk"),
]


def test_a_sheet_shows_no_label_and_comes_back_with_both(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    assert write_sheet(sheet, ROWS, 0.5, seed=1) == 2
    text = sheet.read_text(encoding="utf-8-sig")
    assert not any(row.type in text for row in ROWS)
    lines = [line for line in text.splitlines() if line]
    sheet.write_text("\n".join([lines[0], *(f"{line}1601" for line in lines[1:])]), "utf-8")
    read = read_sheet(sheet, ROWS, TAXONOMY)
    assert {(entry.text, entry.type) for entry in read} < {(row.text, row.type) for row in ROWS}
    assert all(entry.reader == "1601" for entry in read)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("电瓶车被偷,", "column reader"),
        ("电瓶车被偷,9999", "'9999' is not in the taxonomy"),
        ("没有这一条,1601", "not in the corpus"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(f"text,reader\n{line}\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=rf"sheet\.csv:2.*{complaint}"):
        read_sheet(sheet, ROWS, TAXONOMY)


def test_levels_agree_by_themselves() -> None:
    sheet = [
        Relabelled("a", "1601", "1601"),
        Relabelled("b", "1601", "1602"),
        Relabelled("c", "0301", "0301"),
        Relabelled("d", "0301", "0302"),
    ]
    table = agreement(sheet, TAXONOMY).set_index("level")
    assert table.loc["type", "agreement"] == 0.5
    assert table.loc["owner", "agreement"] == 1.0
    # Four labels in a 2 + 1 + 1 pattern: chance agreement is 1/4, so kappa is (1/2 - 1/4) / (3/4).
    assert table.loc["type", "kappa"] == pytest.approx(1 / 3)
