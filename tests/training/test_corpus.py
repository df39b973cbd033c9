import json
from pathlib import Path

import pytest

from fenliu import paths
from fenliu.errors import CorpusError
from fenliu.taxonomy import load_taxonomy
from training.corpus import check_corpus, read_corpus, write_corpus
from training.drafts import add_drafts, read_drafts
from training.params import read_params
from training.rows import Row, style_of

TAXONOMY = load_taxonomy(paths.TAXONOMY)


def row(text: str, label: str = "0101", batch: str = "a") -> Row:
    return Row(text, label, style_of(text), batch)


def findings(folder: Path, rows: list[dict[str, str]]) -> list[str]:
    lines = (json.dumps(entry, ensure_ascii=False) for entry in rows)
    (folder / "01.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = check_corpus(read_corpus(folder), TAXONOMY, minimum=0, near_duplicate=0.7)
    return [str(finding) for finding in found]


def test_the_corpus_is_sound() -> None:
    settings = read_params(paths.PARAMS).corpus
    located = read_corpus(paths.CORPUS)
    found = check_corpus(located, TAXONOMY, settings.minimum_per_type, settings.near_duplicate)
    assert [str(finding) for finding in found] == []


def test_half_of_the_corpus_is_as_short_as_real_calls() -> None:
    styles = [entry.row.style for entry in read_corpus(paths.CORPUS)]
    assert 0.45 <= styles.count("short") / len(styles) <= 0.65
    assert styles.count("long") / len(styles) >= 0.10


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"type": "9999"}, "01.jsonl:1: type '9999' is not in the taxonomy"),
        ({"style": "long"}, "01.jsonl:1: style is 'long', the length says short"),
        ({"batch": ""}, "01.jsonl:1: batch is empty"),
        ({"text": "…"}, "01.jsonl:1: text: is empty"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, entry: dict[str, str], says: str) -> None:
    good = {"text": "两口子吵架", "type": "0101", "style": "short", "batch": "a"}
    assert any(line.startswith(says) for line in findings(tmp_path, [{**good, **entry}]))


def test_duplicates_and_leaks_are_named(tmp_path: Path) -> None:
    def entry(text: str, batch: str, label: str = "0101") -> dict[str, str]:
        return {"text": text, "type": label, "style": style_of(text), "batch": batch}

    found = findings(
        tmp_path,
        [
            entry("两口子为谁洗碗吵架", "a"),
            entry("称两口子为谁洗碗吵架", "b"),
            entry("两口子为谁洗碗吵架了", "c"),
            entry("老公天天喝酒回来就吵", "a"),
            entry("老公天天喝酒回来就吵吵", "a"),
            entry("老公天天喝酒回来就吵嚷", "a", "0108"),
            entry("老公天天喝酒回来就吵嚷", "a", "0207"),
        ],
    )
    assert "01.jsonl:2: the same text as 01.jsonl:1" in found
    assert any(line.startswith("01.jsonl:3: ") and "like 01.jsonl:1" in line for line in found)
    assert "01.jsonl:7: the same text as 01.jsonl:6" in found
    assert not any(line.startswith(("01.jsonl:5: ", "01.jsonl:6: ")) for line in found)


def test_thin_types_are_named() -> None:
    located = read_corpus(paths.CORPUS)
    found = check_corpus(located, TAXONOMY, minimum=10**6, near_duplicate=0.99)
    assert sum("are wanted" in str(finding) for finding in found) == len(TAXONOMY.labels)


@pytest.mark.parametrize("line", ["{", '{"text": "x"}', '["x"]'])
def test_an_unreadable_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "01.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"01\.jsonl:1"):
        read_corpus(tmp_path)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no corpus in"):
        read_corpus(tmp_path)


def test_drafts_become_rows_without_their_near_duplicates(tmp_path: Path) -> None:
    draft = "# 0101\n两口子为谁洗碗吵架\n\n两口子为谁洗碗吵架了\n# outside\n钱包掉了\n"
    (tmp_path / "01.txt").write_text(draft, encoding="utf-8")
    drafted = read_drafts(tmp_path, "b", TAXONOMY)
    imported = add_drafts([row("钱包掉了", "outside")], drafted, 0.7)
    assert [entry.text for entry in imported.rows] == ["钱包掉了", "两口子为谁洗碗吵架"]
    assert imported.left_out == 2
    write_corpus(tmp_path / "corpus", imported.rows, TAXONOMY)
    assert sorted(path.name for path in (tmp_path / "corpus").iterdir()) == [
        "01.jsonl",
        "outside.jsonl",
    ]
    assert [entry.row for entry in read_corpus(tmp_path / "corpus")] == sorted(
        imported.rows, key=lambda entry: TAXONOMY.labels.index(entry.type)
    )


@pytest.mark.parametrize(
    ("draft", "says"), [("# 99\n吵架", r"01\.txt:1: '99'"), ("吵架", r"01\.txt:1: a line `# CODE`")]
)
def test_a_mistake_in_a_draft_is_named(tmp_path: Path, draft: str, says: str) -> None:
    (tmp_path / "01.txt").write_text(draft, encoding="utf-8")
    with pytest.raises(CorpusError, match=says):
        read_drafts(tmp_path, "b", TAXONOMY)
