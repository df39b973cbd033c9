from pathlib import Path

import pandas as pd
import pytest

from fenliu import paths
from fenliu.errors import CorpusError
from fenliu.taxonomy import load_taxonomy
from training.calls import Columns, read_calls, write_rejects

TAXONOMY = load_taxonomy(paths.TAXONOMY)
TABLE = pd.DataFrame(
    {"内容": ["电瓶车被偷", "老板欠薪", "有纠纷"], "类型": ["1601", "拖欠工资纠纷", "vague"]}
)
COLUMNS = Columns("内容", "类型")


def labels(path: Path) -> list[str]:
    return [row.type for row in read_calls(path, TAXONOMY, COLUMNS).rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_the_same_calls_from_text_files(tmp_path: Path, suffix: str, encoding: str) -> None:
    path = tmp_path / f"calls{suffix}"
    if suffix == ".jsonl":
        content = TABLE.to_json(orient="records", lines=True, force_ascii=False)
    else:
        content = TABLE.to_csv(index=False, sep="\t" if suffix == ".tsv" else ",")
    path.write_text(content, encoding=encoding)
    assert labels(path) == ["1601", "0601", "vague"]


def test_a_line_separator_within_a_narrative_ends_no_json_line(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text('{"text": "吵架\u2028没动手", "type": "0101"}\n', encoding="utf-8")
    assert [row.text for row in read_calls(path, TAXONOMY).rows] == ["吵架\u2028没动手"]


def test_the_same_calls_from_excel_with_codes_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "calls.xlsx"
    TABLE.assign(类型=[1601, 601, "vague"]).to_excel(path, index=False)
    assert labels(path) == ["1601", "0601", "vague"]


def test_bad_rows_are_set_aside_with_their_reason(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(
        "text,type\n电瓶车被偷,1601\n,1601\n打麻将,\n吵架,夫妻吵架纠纷\n吵架\x02,0101\n",
        encoding="utf-8",
    )
    calls = read_calls(path, TAXONOMY)
    assert [row.text for row in calls.rows] == ["电瓶车被偷"]
    reasons = {reject.row: reject.reason for reject in calls.rejects}
    assert reasons[2] == "text: is empty: send what the caller said"
    assert reasons[3] == "type: is empty"
    assert "neither a code nor a name" in reasons[4]
    assert "U+0002" in reasons[5]
    write_rejects(tmp_path / "rejects.csv", calls.rejects)
    assert "打麻将" not in (tmp_path / "rejects.csv").read_text(encoding="utf-8-sig")
    assert len(pd.read_csv(tmp_path / "rejects.csv")) == 4


def test_a_row_that_came_apart_loses_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(
        "type,text\n1601,电瓶车被偷\n0601,老板欠薪,人也找不到了\n\n0101,吵架,\n1601\n",
        encoding="utf-8",
    )
    calls = read_calls(path, TAXONOMY)
    assert [(row.type, row.text) for row in calls.rows] == [
        ("1601", "电瓶车被偷"),
        ("0101", "吵架"),
    ]
    assert [(r.row, r.reason) for r in calls.rejects] == [
        (2, "row: has 3 fields, the header has 2: quote what holds a separator"),
        (4, "text: is empty: send what the caller said"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"a,b\n1,2\n", "has no column 'text'"),
        ("a.csv", b"text,type\nx,\n", "no usable row: 1 were set aside"),
        ("a.csv", "0101,两口子为随份子钱吵了一晚上\n".encode(), r"it has 0101, …\)"),
        ("a.csv", b"text,type,text\nx,1601,y\n", "two columns 'text'"),
        ("a.csv", b"", "a.csv: the file is empty"),
        ("a.jsonl", b"\n", "a.jsonl: the file is empty"),
        ("a.csv", b"text,type\n", "no usable row: 0"),
        ("a.xlsx", b"not excel", "not a readable .xlsx file"),
        ("a.jsonl", b"{", "not a readable .jsonl file"),
        ("a.csv", b"\xff\xff\xff\xff", "neither UTF-8 nor GB18030"),
        ("a.doc", b"", "of no known kind"),
    ],
)
def test_an_unusable_file_is_one_clear_line(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=says) as caught:
        read_calls(path, TAXONOMY)
    assert "\n" not in str(caught.value)
