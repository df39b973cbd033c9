"""No word of a caller gets into an error or a log, whatever is sent to whatever route."""

import itertools
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.settings import Settings
from serving.watch import logs
from tests.serving.conftest import Headers, NewKey

NAME, PHONE, ID_CARD = "欧阳锋", "13812345678", "11010119900307123X"
SAID = f"{NAME}电话{PHONE}身份证{ID_CARD}欠我钱"
SECRETS = (NAME, PHONE, ID_CARD, "欠我钱", json.dumps(NAME)[1:-1], quote(NAME))

GOOD: list[Any] = [
    {"text": SAID},
    {"text": SAID, "call_id": "c-1", "caller": PHONE, "location": NAME},
    {"calls": [{"text": SAID}, {"text": SAID, "caller": PHONE}]},
]
BAD: list[Any] = [
    SAID,
    [SAID],
    {"text": [SAID]},
    {"text": {SAID: SAID}},
    {"text": SAID + "\x00"},
    {"text": SAID + "\ud800"},
    {"text": SAID * 1000},
    {"text": SAID, SAID: SAID},
    {"text": SAID, PHONE: PHONE},
    {"text": SAID, "call_id": SAID * 10},
    {"text": SAID, "call_id": [PHONE]},
    {"text": SAID, "caller": PHONE * 10},
    {"text": SAID, "caller": PHONE + "\x00"},
    {"text": SAID, "location": {"name": NAME}},
    {"text": SAID, "occurred_at": SAID},
    {"text": SAID, "occurred_at": PHONE},
    {"calls": SAID},
    {"calls": [SAID, [SAID], {"text": SAID, PHONE: 1}, {"text": SAID * 1000}, {"caller": PHONE}]},
    {"calls": [{"text": SAID}] * 1001},
    {"calls": [{"text": SAID}], SAID: SAID},
]
RAW = [
    json.dumps({"text": SAID}, ensure_ascii=False).encode()[:-2],
    b'{"text": "' + SAID.encode("gb18030") + b'"}',
    SAID.encode(),
    SAID.encode("utf-16"),
]
PATHS = [
    "/v1/predict",
    "/v1/predict/batch",
    f"/v1/decisions/{PHONE}",
    f"/v1/decisions/{quote(SAID)}",
    f"/v1/{quote(SAID)}?caller={PHONE}",
    "/v1/taxonomy",
    f"/v1/taxonomy?text={quote(SAID)}",
    f"/{quote(NAME)}",
]


def drive(client: httpx.Client, headers: Headers | None = None) -> list[httpx.Response]:
    """Send everything everywhere."""
    as_json = {"Content-Type": "application/json", "X-Caller": PHONE, **(headers or {})}
    bodies = [json.dumps(value).encode() for value in GOOD + BAD] + RAW
    return [
        client.request(method, path, content=body, headers=as_json)
        for path, body in itertools.product(PATHS, bodies)
        for method in ("POST", "GET")
    ]


def check(answers: list[httpx.Response], log: str) -> None:
    errors = [answer for answer in answers if answer.status_code >= 400]
    shown = log + "".join(f"{answer.headers}{answer.text}" for answer in errors)
    for batch in answers:
        if batch.status_code == 200 and "results" in (found := batch.json()):
            shown += "".join(
                json.dumps(row, ensure_ascii=False) for row in found["results"] if "error" in row
            )
    assert len(errors) > 100
    for secret in SECRETS:
        assert secret not in shown


def test_in_process_at_the_most_talkative_log_level(
    settings: Settings, caplog: pytest.LogCaptureFixture, new_key: NewKey, at_once: None
) -> None:
    for name in ("", "fenliu", "uvicorn"):
        caplog.set_level(logging.DEBUG, logger=name)
    with TestClient(create_app(settings)) as client:
        answers = drive(client)
        headers = new_key("predict", "read")
        answers += drive(client) + drive(client, headers) + drive(client, new_key("admin"))
    assert {answer.status_code for answer in answers} >= {200, 400, 401, 403, 404, 405, 422}
    ours = [record for record in caplog.records if not record.name.startswith("httpx")]
    check(answers, "\n".join(map(logs.JsonLines().format, ours)))


def test_when_the_store_fails(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    engine = client.app.state.engine  # type: ignore[attr-defined]
    with engine.execution_options(write=True).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE decisions RENAME TO gone")
    answers = drive(client)
    assert 503 in {answer.status_code for answer in answers}
    assert "no such table" in caplog.text
    assert not any("no such table" in answer.text for answer in answers)
    ours = [record for record in caplog.records if not record.name.startswith("httpx")]
    check(answers, "\n".join(map(logs.JsonLines().format, ours)))


@pytest.fixture
def process(settings: Settings, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A service as it is started by hand; its address and the file of all its output."""
    log = tmp_path / "log"
    command = [sys.executable, "-c", "from fenliu.cli import main; main()", "serve", "--port"]
    environment = os.environ | {
        "FENLIU_BUNDLE": str(settings.bundle),
        "FENLIU_DATABASE_URL": settings.database_url,
    }
    with httpx.Client() as client, log.open("wb") as output:
        port = _free_port()
        server = subprocess.Popen(
            [*command, str(port)], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            for _ in range(300):
                try:
                    client.get(f"http://127.0.0.1:{port}/healthz")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", log
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


def _free_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_in_a_process_of_its_own(process: tuple[str, Path]) -> None:
    address, log = process
    with httpx.Client(base_url=address, timeout=60) as client:
        answers = drive(client)
    said = log.read_text(encoding="utf-8")
    assert '"event":"listening"' in said
    check(answers, said)
