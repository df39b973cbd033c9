"""Decisions as they may leave the house."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from fenliu.errors import StoreUnavailable
from serving.db import open_database
from serving.predict import export
from serving.predict.export import exported
from serving.predict.models import decisions
from serving.settings import Settings
from tests.serving.conftest import NewKey

TEXT = "报警人称老板拿刀威胁他，老板电话13812345678，车牌粤B12345"


def test_numbers_are_masked_and_the_caller_is_left_out(
    client: TestClient, settings: Settings
) -> None:
    call = {"text": TEXT, "call_id": "c-1", "caller": "13987654321", "location": "桥头电话87654321"}
    answered = client.post("/v1/predict", json=call).json()
    engine = open_database(settings.database_url)
    (document,) = exported(engine)
    engine.dispose()
    line = json.dumps(document, ensure_ascii=False)
    for secret in ("13812345678", "13987654321", "粤B12345", "87654321", "caller"):
        assert secret not in line
    assert document["text"] == "报警人称老板拿刀威胁他，老板电话***********，车牌*******"
    assert document["location"] == "桥头电话********"
    assert document["decision_id"] == answered["decision_id"]
    for field in ("action", "type", "owner_probability", "model_version", "decided_at"):
        assert document[field] == answered[field]
    assert document["red_flags"]
    for piece in document["reasons"] + document["red_flags"]:
        assert document["text"][piece["start"] : piece["end"]] == piece["text"]


def test_a_piece_of_a_number_in_a_reason_is_masked_too(
    client: TestClient, settings: Settings
) -> None:
    decision_id = client.post("/v1/predict", json={"text": TEXT}).json()["decision_id"]
    engine = open_database(settings.database_url)
    start = TEXT.index("138")
    piece = {"start": start, "end": start + 11, "text": "13812345678", "weight": 1.0}
    with engine.execution_options(write=True).begin() as connection:
        body = json.dumps({"reasons": [piece], "red_flags": []})
        of_this = decisions.c.decision_id == decision_id
        connection.execute(update(decisions).where(of_this).values(body=body))
    (document,) = exported(engine)
    engine.dispose()
    assert document["reasons"][0]["text"] == "*" * 11


def test_all_pages_come_in_order_with_their_makers(
    client: TestClient,
    settings: Settings,
    new_key: NewKey,
    at_once: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export, "_PAGE", 3)
    headers = new_key("predict")
    ids = [
        client.post("/v1/predict", json={"text": f"楼上漏水{n}"}, headers=headers).json()
        for n in range(7)
    ]
    engine = open_database(settings.database_url)
    documents = list(exported(engine))
    engine.dispose()
    assert [d["decision_id"] for d in documents] == [d["decision_id"] for d in ids]
    assert {d["made_by"] for d in documents} == {headers["Authorization"].split("_")[1]}


def test_since_counts_and_until_does_not(client: TestClient, settings: Settings) -> None:
    for _ in range(3):
        client.post("/v1/predict", json={"text": "楼上漏水"})
    engine = open_database(settings.database_url)
    start = datetime(2026, 11, 25, tzinfo=UTC)
    with engine.execution_options(write=True).begin() as connection:
        for number in range(3):
            day = start + timedelta(days=number)
            of_this = decisions.c.id == number + 1
            connection.execute(update(decisions).where(of_this).values(decided_at=day))
    days = [
        [d["decided_at"][:10] for d in exported(engine, *span)]
        for span in ((start, start + timedelta(days=2)), (start + timedelta(days=1), None))
    ]
    engine.dispose()
    assert days == [["2026-11-25", "2026-11-26"], ["2026-11-26", "2026-11-27"]]


def test_a_store_that_fails_is_said(client: TestClient, settings: Settings) -> None:
    engine = open_database(settings.database_url)
    with engine.execution_options(write=True).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE decisions RENAME TO gone")
    with pytest.raises(StoreUnavailable):
        list(exported(engine))
    engine.dispose()
