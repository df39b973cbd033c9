"""The command as its user meets it: a process, its output and its exit code."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from fenliu.paths import HOME

TEXT = "报警人称老板欠三个月工钱不给"


def fenliu(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from fenliu.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        input=stdin,
        env=os.environ | {"COLUMNS": "120", "PYTHONIOENCODING": "utf-8"},
        cwd=HOME,
        check=False,
    )


def test_one_narrative_is_explained_for_people(bundle_path: Path) -> None:
    done = fenliu("predict", TEXT, "--bundle", str(bundle_path))
    assert done.returncode == 0, done.stderr
    for shown in (
        TEXT,
        "处置方式",
        "权属",
        "欠薪" if "欠薪" in done.stdout else "工资",
        "矛调中心",
    ):
        assert shown in done.stdout


def test_one_narrative_as_json(bundle_path: Path) -> None:
    done = fenliu("predict", TEXT, "--json", "--bundle", str(bundle_path))
    assert json.loads(done.stdout)["type"]["category_code"] == "06"


def test_lines_come_out_in_order_and_bad_ones_are_named(bundle_path: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(
        '{"id": "a", "text": "电瓶车被偷"}\n'
        '{"id": "b", "text": ""}\n'
        "not json\n"
        "\n"
        '{"text": "老公打我"}\n'
        '{"id": 7}\n'.encode()
        + b'{"id": "x", "text": "\xff"}\n'
        + '{"id": "z", "text": "楼上漏水"}'.encode()
    )
    done = fenliu(
        "predict", "--input", str(source), "--output", str(target), "--bundle", str(bundle_path)
    )
    assert done.returncode == 3
    assert "3 of 7 lines decided, 4 failed" in done.stderr
    results = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [result.get("id") for result in results] == ["a", "b", None, 5, 7, None, "z"]
    assert [result.get("line") for result in results] == [None, None, 3, None, None, 7, None]
    assert [("error" in result) for result in results] == [0, 1, 1, 0, 1, 1, 0]
    assert results[0]["type"]["code"] == "1601"
    assert list(results[0])[:3] == ["id", "action", "owner"]


def test_lines_pass_through_pipes(bundle_path: Path) -> None:
    stdin = '{"id": 1, "text": "电瓶车被偷"}\n'
    done = fenliu("predict", "--input", "-", "--bundle", str(bundle_path), stdin=stdin)
    assert done.returncode == 0
    assert json.loads(done.stdout)["id"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["predict", ""], "text: is empty"),
        (["predict", "吵架\x01"], "U+0001"),
        (["predict", "吵架", "--bundle", "/nowhere"], "no model bundle at /nowhere"),
        (["predict", "--input", "/nowhere.jsonl"], "/nowhere.jsonl: cannot be opened"),
        (["taxonomy", "--file", "/nowhere.yaml"], "/nowhere.yaml does not exist"),
        (["corpus", "check", "--folder", "/nowhere"], "no corpus in /nowhere"),
        (["evaluate", "--data", "/nowhere.jsonl"], "/nowhere.jsonl cannot be read"),
        (["policy", "certify", "--data", "x.csv", "--alpha", "1.5"], "--alpha: must lie between"),
        (["train", "--calls", "README.md"], "README.md is of no known kind"),
        (["train", "--calls", "data/safety/civil.tsv"], "has no column 'text'"),
        (["train", "--calls", "x.csv", "--weight", "nan"], "--weight: must lie above 0"),
        (["train", "--calls", "x.csv", "--output", "models"], "--output: name a folder of its"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(
    bundle_path: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    if arguments[0] in ("predict", "evaluate") and "--bundle" not in arguments:
        arguments = [*arguments, "--bundle", str(bundle_path)]
    if arguments[0] == "train" and "--output" not in arguments:
        arguments = [*arguments, "--output", str(tmp_path / "city")]
    done = fenliu(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_the_lists_are_printed() -> None:
    done = fenliu("taxonomy")
    assert "0602" in done.stdout
    assert "工地欠薪纠纷" in done.stdout
    assert "矛调中心 15 类 72 情形；公安 8 类 42 情形" in done.stdout


def test_accuracy_is_printed_per_category(small_workspace, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = fenliu(
        "evaluate",
        "--data",
        str(small_workspace.stages / "test.jsonl"),
        "--report",
        str(tmp_path / "report"),
        "--bundle",
        str(small_workspace.bundle),
    )
    assert done.returncode == 0, done.stderr
    assert "劳资纠纷" in done.stdout
    assert "type_top1" in done.stdout
    assert (tmp_path / "report" / "per_category.csv").exists()


def test_a_city_certifies_and_is_told_when_its_calls_are_too_few(
    bundle_path: Path, tmp_path: Path
) -> None:
    bundle = shutil.copytree(bundle_path, tmp_path / "bundle")
    calls = tmp_path / "calls.csv"
    calls.write_text(f"内容,情形\n{TEXT},0601\n吵架,？\n", encoding="gb18030")
    done = fenliu(
        *("policy", "certify", "--data", str(calls), "--bundle", str(bundle)),
        *("--text-column", "内容", "--type-column", "情形"),
    )
    assert done.returncode == 1, done.stderr
    assert "Not certified: the bundle now diverts nothing without a human." in done.stdout
    assert "1 rows could not be used" in done.stdout
    decided = fenliu("predict", TEXT, "--json", "--bundle", str(bundle))
    assert json.loads(decided.stdout)["action"] == "human_review"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def server_settings(bundle_path: Path, tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "FENLIU_BUNDLE": str(bundle_path),
        "FENLIU_DATABASE_URL": f"sqlite:///{tmp_path}/fenliu.db",
    }


def start(settings: dict[str, str], port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from fenliu.cli import main; main()", "serve", "--port", str(port)],
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_serve_prints_a_line_to_try_answers_and_stops(server_settings: dict[str, str]) -> None:
    port = free_port()
    server = start(server_settings, port)
    try:
        assert server.stdout
        hint = server.stdout.readline() + server.stdout.readline()
        assert f"curl http://127.0.0.1:{port}/v1/predict" in hint
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/predict",
            json.dumps({"text": TEXT}).encode(),
            {"Content-Type": "application/json"},
        )
        for attempt in range(100):
            try:
                with urllib.request.urlopen(request) as answer:
                    assert json.load(answer)["decision_id"]
                break
            except OSError:
                if attempt == 99:
                    raise
                time.sleep(0.1)
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=10)
        assert errors == ""
    finally:
        server.kill()


def test_a_port_in_use_is_one_line_and_a_failure(server_settings: dict[str, str]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = start(server_settings, listener.getsockname()[1])
        output, errors = server.communicate(timeout=30)
    assert server.returncode == 2
    assert "choose another with --port" in errors
    assert errors.count("\n") == 1
    assert output == ""


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("FENLIU_PORT", "many", "setting port"),
        ("FENLIU_DATABASE_URL", "sqlite:////nowhere/f.db", "the database sqlite:////nowhere/f.db"),
        ("FENLIU_BUNDLE", "/nowhere", "no model bundle at /nowhere"),
        ("FENLIU_TAXONOMY", "/nowhere", "/nowhere does not exist"),
    ],
)
def test_a_wrong_setting_is_one_line_and_a_failure(
    server_settings: dict[str, str], name: str, value: str, says: str
) -> None:
    arguments = [] if name == "FENLIU_PORT" else ["--port", str(free_port())]
    server = subprocess.run(
        [sys.executable, "-c", "from fenliu.cli import main; main()", "serve", *arguments],
        env=server_settings | {name: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert server.returncode == 2
    assert says in server.stderr
    assert server.stderr.count("\n") == 1


def test_red_flags_are_checked_and_measured(tmp_path: Path) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text("text,type\n老公拿着菜刀追我,1702\n没人动手,0101\n", encoding="utf-8")
    output = tmp_path / "read.csv"
    done = fenliu("red-flags", "check", "--data", str(calls), "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert "0 failed" in done.stdout
    assert "mediation_centre" in done.stdout
    assert output.read_text(encoding="utf-8-sig").splitlines() == ["rule,type,hit,text"]


def test_a_red_flag_that_fails_its_example_is_shown(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "rules: [{id: x, name: x, level: danger, patterns: {a: 刀}, fires: [枪], silent: []}]",
        encoding="utf-8",
    )
    done = fenliu("red-flags", "check", "--rules", str(rules))
    assert done.returncode == 1
    assert "x must fire: 枪" in done.stdout
