"""`fenliu evaluate` on files as cities hand them in, and what the report folder then holds."""

import importlib.util
import json
from pathlib import Path

import pandas as pd
import pytest

from fenliu.errors import CorpusError
from training.calls import Columns
from training.evaluate_command import Request, evaluate
from training.rows import read_rows
from training.stages import Workspace

COLUMNS = Columns("报警内容", "情形")
FILES = {
    "metrics.json",
    "per_category.csv",
    "per_type.csv",
    "owner_actions.csv",
    "report.html",
    "rejects.csv",
}


def table(workspace: Workspace) -> pd.DataFrame:
    """Every ninth row of the test split, and one that cannot be used."""
    rows = read_rows(workspace.stages / "test.jsonl")[::9]
    entries = [(row.text, row.type) for row in rows] + [("吵架", "不存在的情形")]
    return pd.DataFrame(entries, columns=[COLUMNS.text, COLUMNS.type])


def write(path: Path, calls: pd.DataFrame) -> Path:
    if path.suffix == ".xlsx":
        calls.to_excel(path, index=False)
    elif path.suffix == ".jsonl":
        text = calls.to_json(orient="records", lines=True, force_ascii=False)
        path.write_text(text, encoding="utf-8")
    else:
        calls.to_csv(path, index=False, encoding="gb18030" if "gb" in path.stem else "utf-8")
    return path


@pytest.mark.parametrize("name", ["utf8.csv", "gb18030.csv", "calls.xlsx", "calls.jsonl"])
def test_the_report_is_the_same_from_every_kind_of_file(
    small_workspace: Workspace, tmp_path: Path, name: str
) -> None:
    calls = table(small_workspace)
    data = write(tmp_path / name, calls)
    evaluate(Request(small_workspace.bundle, data, COLUMNS, tmp_path / "report"))
    report = tmp_path / "report"
    assert {path.name for path in report.iterdir()} == FILES
    metrics = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["calls"] == len(calls) - 1
    assert 0.3 < metrics["type_top1"] < 1
    by_type = pd.read_csv(report / "per_type.csv", dtype={"code": str})
    assert by_type["calls"].sum() == len(calls) - 1
    assert set(by_type["name"]) >= {"工地欠薪纠纷", "清单外", "信息过少"}
    assert pd.read_csv(report / "owner_actions.csv", index_col=0).to_numpy().sum() == len(calls) - 1
    (reject,) = pd.read_csv(report / "rejects.csv").to_dict("records")
    assert reject["row"] == len(calls)
    assert "neither a code nor a name" in reject["reason"]


def test_a_bundle_does_not_differ_from_itself(
    small_workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "calls.csv", table(small_workspace))
    evaluate(
        Request(small_workspace.bundle, data, COLUMNS, tmp_path, against=small_workspace.bundle)
    )
    printed = capsys.readouterr().out
    for level in ("type", "category", "owner"):
        assert f"{level}: +0.00% [+0.00%, +0.00%] against" in printed
    assert printed.count("p = 1.0000") == 3
    assert "与另一模型相比" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_calls_that_were_trained_on_are_counted(
    small_workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = read_rows(small_workspace.stages / "train.jsonl")[:3]
    new = read_rows(small_workspace.stages / "test.jsonl")[:4]
    calls = pd.DataFrame([(row.text, row.type) for row in [*known, *new]], columns=["text", "type"])
    calls.to_csv(tmp_path / "calls.csv", index=False)
    evaluate(Request(small_workspace.bundle, tmp_path / "calls.csv", Columns()))
    assert "3 of 7 calls were trained on" in capsys.readouterr().out


def test_simpler_means_are_judged_on_the_same_calls_and_are_no_better(
    small_workspace: Workspace, tmp_path: Path
) -> None:
    data = write(tmp_path / "calls.csv", table(small_workspace))
    evaluate(Request(small_workspace.bundle, data, COLUMNS, tmp_path, baselines=True))
    judged = pd.read_csv(tmp_path / "baselines.csv").set_index("model")
    assert ("fastText" in judged.index) == (importlib.util.find_spec("fasttext") is not None)
    assert {"majority", "keyword rules", "jieba words + LR"} <= set(judged.index)
    ours = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert judged["type_top1"].max() < ours["type_top1"]
    assert judged.loc["majority", "type_top1"] < judged.loc["keyword rules", "type_top1"]
    assert "清单关键词匹配" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_baselines_without_training_rows_are_refused(
    small_workspace: Workspace, tmp_path: Path
) -> None:
    bundle = tmp_path / "elsewhere" / "bundle"
    bundle.parent.mkdir()
    bundle.symlink_to(small_workspace.bundle)
    data = small_workspace.stages / "test.jsonl"
    with pytest.raises(CorpusError, match=r"--baselines learn from .*train\.jsonl"):
        evaluate(Request(bundle, data, Columns(), baselines=True))
