"""A fault is answered and logged, without a word of the caller."""

import logging
from typing import Any, NoReturn

import pytest
from fastapi.testclient import TestClient

from serving.watch import logs

TEXT = "王某某电话13812345678欠钱"


def break_classifier(client: TestClient, monkeypatch: pytest.MonkeyPatch, broken: Any) -> None:
    service = client.app.state.predict  # type: ignore[attr-defined]
    monkeypatch.setattr(service.classifier.__class__, "decide", broken)


def test_a_fault_shows_where_it_happened_and_not_on_what(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def decide(_: object, text: str) -> NoReturn:
        try:
            int(text)
        except ValueError as error:
            raise RuntimeError(f"cannot decide on {text}") from error

    break_classifier(client, monkeypatch, decide)
    caplog.set_level(logging.DEBUG)
    answer = client.post("/v1/predict", json={"text": TEXT})
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:fenliu:problem:internal"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    lines = logs.JsonLines()
    logged = "".join(lines.format(record) for record in caplog.records)
    for told in ("builtins.RuntimeError", "builtins.ValueError", "test_faults.py", "decide"):
        assert told in logged
    for secret in ("138", "王某某", "欠钱"):
        assert secret not in answer.text + logged
