"""`fenliu keys` and `fenliu decisions`, and a running service that heeds them."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.test_cli import free_port, start

TEXT = "报警人称老板欠三个月工钱不给，电话13812345678"
Fenliu = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(bundle_path: Path, tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "FENLIU_BUNDLE": str(bundle_path),
        "FENLIU_DATABASE_URL": f"sqlite:///{tmp_path}/fenliu.db",
        "COLUMNS": "200",
        "FENLIU_LOG_FORMAT": "text",
    }


@pytest.fixture
def fenliu(environment: dict[str, str]) -> Fenliu:
    def run(*arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from fenliu.cli import main; main()", *arguments],
            capture_output=True,
            text=True,
            env=environment | changed,
            timeout=60,
            check=False,
        )

    return run


def status(port: int, key: str | None = None) -> int:
    """Status of a prediction; 0 where nothing listens yet."""
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    body = json.dumps({"text": TEXT}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/predict", body, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def wait_for(port: int, expected: int, key: str | None = None) -> None:
    for _ in range(300):
        if status(port, key) == expected:
            return
        time.sleep(0.1)
    pytest.fail(f"the service does not answer {expected}")


@contextmanager
def service(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
    server = start(environment, port)
    try:
        yield server
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def test_a_running_service_heeds_a_new_and_a_revoked_key(
    fenliu: Fenliu, environment: dict[str, str]
) -> None:
    port = free_port()
    with service(environment, port) as server:
        assert server.stdout
        said = "".join(server.stdout.readline() for _ in range(3))
        assert "No key exists" in said
        wait_for(port, 200)
        made = fenliu("keys", "create", "--name", "dispatch", "--scope", "predict")
        assert made.returncode == 0, made.stderr
        key = made.stdout.strip()
        assert made.stdout == f"{key}\n"
        assert "Keep it now" in made.stderr
        assert key.split("_")[2] not in made.stderr
        wait_for(port, 401)
        assert status(port, key) == 200

        listed = fenliu("keys", "list").stdout
        for shown in (key.split("_")[1], "dispatch", "predict", "active"):
            assert shown in listed
        assert key.split("_")[2] not in listed
        assert listed.count("20") >= 2  # when it was made and when it last decided

        revoked = fenliu("keys", "revoke", key.split("_")[1])
        assert revoked.returncode == 0
        wait_for(port, 401, key)
        assert "revoked" in fenliu("keys", "list").stdout

        exported = fenliu("decisions", "export", "--output", "-")
        texts = [json.loads(line)["text"] for line in exported.stdout.splitlines()]
        assert set(texts) == {TEXT.replace("13812345678", "*" * 11)}


def test_others_may_connect_only_with_a_key(fenliu: Fenliu, environment: dict[str, str]) -> None:
    port = str(free_port())
    refused = fenliu("serve", "--host", "0.0.0.0", "--port", port)
    assert refused.returncode == 2
    assert "no key exists: create one with `fenliu keys create`" in refused.stderr
    assert refused.stderr.count("\n") == 1
    made = fenliu("keys", "create", "--name", "dispatch", "--scope", "predict")
    with service(environment | {"FENLIU_HOST": "0.0.0.0"}, int(port)) as server:
        wait_for(int(port), 200, made.stdout.strip())
        assert status(int(port)) == 401
        assert server.stdout
        said = server.stdout.readline() + server.stdout.readline()
        assert "Authorization: Bearer $FENLIU_KEY" in said


def test_no_key_is_said_so(fenliu: Fenliu) -> None:
    assert fenliu("keys", "list").stdout == "No key exists.\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["keys", "create", "--name", "", "--scope", "read"], "--name: must have"),
        (["keys", "create", "--name", "a", "--scope", "all"], "--scope: must be one of predict"),
        (["keys", "create", "--name", "a", "--scope", "read", "--expires", "0"], "--expires"),
        (["keys", "revoke", "none"], "no key has this id"),
        (["decisions", "export", "--output", "/nowhere/x"], "/nowhere/x: cannot be written"),
        (["decisions", "export", "--output", "-", "--since", "gestern"], "--since: must be such"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(
    fenliu: Fenliu, arguments: list[str], says: str
) -> None:
    done = fenliu(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_an_unusable_database_is_one_line(fenliu: Fenliu) -> None:
    done = fenliu("keys", "list", FENLIU_DATABASE_URL="sqlite:////nowhere/f.db")
    assert done.returncode == 2
    assert "the database sqlite:////nowhere/f.db cannot be used" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_export_is_for_its_owner_only(fenliu: Fenliu, tmp_path: Path) -> None:
    target = tmp_path / "decisions.jsonl"
    done = fenliu("decisions", "export", "--output", str(target), "--until", "2026-11-25")
    assert done.returncode == 0
    assert "0 decisions exported" in done.stderr
    assert target.stat().st_mode & 0o777 == 0o600
