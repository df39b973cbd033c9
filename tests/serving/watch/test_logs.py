import json
import logging
import re
import sqlite3
import uuid
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from fenliu.errors import NotFound
from serving.app import create_app
from serving.settings import Settings
from serving.watch.logs import JsonLines, TextLines
from tests.serving.watch.running import Start

SECRETS = ("秘密的纠纷", "13800138000", "幸福里小区", "私下问题")


def test_each_request_is_one_line_of_json(start: Start) -> None:
    service = start()
    decision = service.post("电瓶车被偷", call_id="c-1").json()
    httpx.get(f"{service.url}/v1/decisions/none?caller=13800138000")
    service.stop()
    predict, missing = service.events("request")[-2:]
    assert datetime.fromisoformat(predict["time"]).utcoffset().total_seconds() == 0  # type: ignore[union-attr]
    assert predict["level"] == "info"
    assert predict["route"] == "/v1/predict"
    assert predict["status"] == 200
    assert predict["milliseconds"] > 0
    assert predict["decision_id"] == decision["decision_id"]
    assert predict["action"] == decision["action"]
    assert predict["request_id"]
    assert missing["route"] == "/v1/decisions/{decision_id}"
    assert (missing["status"], missing["problem"]) == (404, "not-found")
    names = [line["event"] for line in service.log()]
    assert names[:2] == ["listening", "started"]
    assert names[-1] == "stopped"


def test_nothing_that_a_caller_said_is_logged(start: Start, tmp_path: Path) -> None:
    service = start(FENLIU_LOG_LEVEL="debug")
    call = {"caller": SECRETS[1], "location": SECRETS[2]}
    service.post(SECRETS[0], **call)
    service.post(SECRETS[0] + "\x00", **call)
    service.post(SECRETS[0], caller=[SECRETS[1]], more=SECRETS[3])
    url = f"{service.url}/v1/predict?text={SECRETS[3]}&caller={SECRETS[1]}"
    httpx.post(url, content='{"text": "' + SECRETS[0])
    calls = [{"text": SECRETS[0], **call}, {"text": "", "caller": SECRETS[1]}]
    httpx.post(f"{service.url}/v1/predict/batch", json={"calls": calls})
    with sqlite3.connect(tmp_path / "fenliu.db") as connection:
        connection.execute("DROP TABLE decisions")
    failed = service.post(SECRETS[0], **call)
    assert failed.status_code == 503
    service.stop()
    written = service.written()
    assert len(service.events("request")) >= 6
    for secret in SECRETS:
        assert secret not in written
        assert json.dumps(secret)[1:-1] not in written


def test_a_failing_store_is_an_error_with_its_reason(start: Start, tmp_path: Path) -> None:
    service = start()
    with sqlite3.connect(tmp_path / "fenliu.db") as connection:
        connection.execute("DROP TABLE decisions")
    service.post("吵架")
    service.stop()
    line = service.events("request")[-1]
    assert (line["level"], line["problem"]) == ("error", "store-unavailable")
    assert "no such table" in line["reason"]


def test_text_is_for_people(start: Start) -> None:
    service = start(FENLIU_LOG_FORMAT="text")
    service.post("吵架")
    service.stop()
    written = service.written()
    assert written.startswith("Fenliu listens on http://127.0.0.1")
    assert re.search(r"Z info +request .*route=/v1/predict status=200", written)


def test_the_level_leaves_out_what_is_below(start: Start) -> None:
    service = start(FENLIU_LOG_LEVEL="ERROR")
    service.post("吵架")
    service.stop()
    assert service.log() == []


@pytest.mark.parametrize(("name", "value"), [("log_format", "xml"), ("log_level", "loud")])
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings(**{name: value})


def test_an_id_is_answered_as_it_was_sent(start: Start) -> None:
    service = start()
    for sent in ("a", "call/7:x", "~" * 128):
        answer = httpx.get(f"{service.url}/healthz", headers={"X-Request-ID": sent})
        assert answer.headers.get_list("X-Request-ID") == [sent]
    service.stop()
    assert [line["request_id"] for line in service.events("request")[-3:]] == [
        "a",
        "call/7:x",
        "~" * 128,
    ]


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "é".encode(), "编号".encode(), b"\x7f"])
def test_an_id_that_is_not_sane_is_replaced(client: TestClient, sent: str | bytes) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": sent})  # type: ignore[dict-item]
    assert uuid.UUID(hex=answer.headers["X-Request-ID"])


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/v1/predict", b"{", 400),
        ("POST", "/v1/predict", b"{}", 422),
        ("POST", "/v1/predict", b"x" * 17 * 2**20, 413),
        ("GET", "/v1/predict", b"", 405),
        ("GET", "/nowhere", b"", 404),
        ("GET", "/v1/decisions/none", b"", 404),
        ("GET", "/", b"", 307),
        ("GET", "/metrics", b"", 200),
    ],
)
def test_every_answer_has_an_id_errors_too(
    client: TestClient, method: str, path: str, content: bytes, status: int
) -> None:
    headers = {"X-Request-ID": "i-1", "Content-Type": "application/json"}
    answer = client.request(method, path, content=content, headers=headers, follow_redirects=False)
    assert answer.status_code == status
    assert answer.headers["X-Request-ID"] == "i-1"
    if status >= 400:
        assert answer.json()["request_id"] == "i-1"


@pytest.fixture
def faulty(settings: Settings) -> FastAPI:
    app = create_app(settings)

    @app.get("/fault")
    async def fault() -> None:
        raise ValueError(SECRETS[0]) from NotFound("use another id")

    return app


def test_a_fault_is_answered_with_its_id_and_logged_without_its_words(
    faulty: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    with TestClient(faulty) as client:
        answer = client.get("/fault", headers={"X-Request-ID": "i-1"})
    assert answer.status_code == 500
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "i-1"
    assert answer.json()["type"] == "urn:fenliu:problem:internal"
    (record,) = [record for record in caplog.records if record.msg == "fault"]
    for shown in (JsonLines().format(record), TextLines().format(record)):
        assert SECRETS[0] not in shown
        assert "builtins.ValueError" in shown
        assert "NotFound: use another id" in shown
        assert re.search(r"test_logs\.py:\d+ fault", shown)


def test_a_librarys_error_is_logged_without_its_words() -> None:
    try:
        raise ValueError(SECRETS[0])
    except ValueError as error:
        fault = (type(error), error, error.__traceback__)
    record = logging.LogRecord("uvicorn.error", 40, "", 0, "it failed\n", (), fault)
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["logger"], line["message"]) == (
        "library",
        "uvicorn.error",
        "it failed",
    )
    assert line["fault"][0] == "builtins.ValueError"
    assert SECRETS[0] not in TextLines().format(record)
