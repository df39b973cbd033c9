import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from fenliu.text import MAX_CHARACTERS
from serving.app import create_app
from serving.predict.schemas import DecisionOut
from serving.settings import Settings

TEXT = "报警人称老板欠三个月工钱不给"


def stored(settings: Settings) -> list[dict[str, object]]:
    path = settings.database_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM decisions ORDER BY id")]


def test_a_call_is_decided_on(client: TestClient) -> None:
    answer = client.post("/v1/predict", json={"text": TEXT, "call_id": "c-1"})
    assert answer.status_code == 200
    decision = DecisionOut.model_validate(answer.json())
    assert decision.call_id == "c-1"
    assert len(decision.candidates) >= 3
    probabilities = [candidate.probability for candidate in decision.candidates]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(decision.owner_probability.values()) == pytest.approx(1, abs=1e-3)
    assert all(TEXT[r.start : r.end] == r.text for r in decision.reasons)


def test_the_json_has_the_fields_of_the_contract_in_order(client: TestClient) -> None:
    decision = client.post("/v1/predict", json={"text": TEXT}).json()
    assert list(decision) == [
        "decision_id",
        "call_id",
        "supersedes",
        "decided_at",
        "action",
        "owner",
        "owner_probability",
        "type",
        "candidates",
        "reasons",
        "red_flags",
        "review_reasons",
        "questions",
        "route",
        "model_version",
        "policy_version",
        "taxonomy_version",
    ]
    assert list(decision["type"]) == ["code", "name", "category_code", "category", "probability"]


def test_a_danger_sign_goes_to_the_police_at_once(client: TestClient) -> None:
    text = "要账的跟他吵起来了，对方从车里拿出一把刀"
    decision = client.post("/v1/predict", json={"text": text}).json()
    assert (decision["action"], decision["owner"]) == ("dispatch_police", "police")
    (flag,) = [flag for flag in decision["red_flags"] if flag["id"] == "weapon"]
    assert text[flag["start"] : flag["end"]] == flag["text"]


def test_an_answered_decision_is_stored_and_found_again(
    client: TestClient, settings: Settings
) -> None:
    call = {
        "text": TEXT,
        "call_id": "c-1",
        "occurred_at": "2026-11-25T09:30:00+08:00",
        "caller": "甲",
        "location": "三号桥",
    }
    decision = client.post("/v1/predict", json=call).json()
    (row,) = stored(settings)
    assert row["decision_id"] == decision["decision_id"]
    assert row["text"] == TEXT
    assert str(row["occurred_at"]).startswith("2026-11-25 01:30:00")
    assert client.get(f"/v1/decisions/{decision['decision_id']}").json() == decision


def test_the_same_call_and_text_keep_their_decision(client: TestClient, settings: Settings) -> None:
    first = client.post("/v1/predict", json={"text": TEXT, "call_id": "c-1"}).json()
    again = client.post("/v1/predict", json={"text": TEXT, "call_id": "c-1"}).json()
    assert again == first
    assert len(stored(settings)) == 1


def test_another_text_on_a_call_supersedes_and_both_are_kept(
    client: TestClient, settings: Settings
) -> None:
    first = client.post("/v1/predict", json={"text": "有纠纷", "call_id": "c-1"}).json()
    second = client.post("/v1/predict", json={"text": TEXT, "call_id": "c-1"}).json()
    assert first["supersedes"] is None
    assert second["supersedes"] == first["decision_id"]
    assert client.get(f"/v1/decisions/{first['decision_id']}").status_code == 200
    assert len(stored(settings)) == 2


def test_without_a_call_id_each_request_is_a_call_of_its_own(
    client: TestClient, settings: Settings
) -> None:
    ids = {client.post("/v1/predict", json={"text": TEXT}).json()["decision_id"] for _ in range(3)}
    assert len(ids) == len(stored(settings)) == 3


def test_one_call_sent_by_many_at_once_gets_one_decision(
    client: TestClient, settings: Settings
) -> None:
    barrier = threading.Barrier(8)

    def send(_: int) -> str:
        barrier.wait()
        answer = client.post("/v1/predict", json={"text": TEXT, "call_id": "c-1"})
        return str(answer.json()["decision_id"])

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(send, range(8)))) == 1
    assert len(stored(settings)) == 1


@pytest.mark.parametrize(
    ("body", "status", "slug", "field"),
    [
        ("{", 400, "invalid-json", None),
        ('"text"', 422, "invalid-input", "body"),
        ("{}", 422, "invalid-input", "text"),
        ('{"text": ""}', 422, "invalid-input", "text"),
        ('{"text": " \\n"}', 422, "invalid-input", "text"),
        ('{"text": 5}', 422, "invalid-input", "text"),
        ('{"text": null}', 422, "invalid-input", "text"),
        ('{"text": "吵架\\u0000"}', 422, "invalid-input", "text"),
        ('{"text": "吵架\\ud800"}', 422, "invalid-input", "text"),
        ('{"text": "吵架", "phone": "1"}', 422, "invalid-input", "phone"),
        ('{"text": "吵架", "call_id": ""}', 422, "invalid-input", "call_id"),
        ('{"text": "吵架", "call_id": "a\\u0000"}', 422, "invalid-input", "call_id"),
        ('{"text": "吵架", "location": "桥\\ud800"}', 422, "invalid-input", "location"),
        ('{"text": "吵架", "occurred_at": "2026-11-25"}', 422, "invalid-input", "occurred_at"),
        (json.dumps({"text": "啊" * (MAX_CHARACTERS + 1)}), 422, "text-too-long", "text"),
        (json.dumps({"text": "a" * 2**20}), 422, "text-too-long", "text"),
    ],
)
def test_bad_input_names_field_and_mend(
    client: TestClient,
    settings: Settings,
    body: str,
    status: int,
    slug: str,
    field: str | None,
) -> None:
    answer = client.post("/v1/predict", content=body, headers={"Content-Type": "application/json"})
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.status_code == problem["status"] == status
    assert problem["type"] == f"urn:fenliu:problem:{slug}"
    assert problem["detail"]
    if field:
        assert problem["errors"][0]["field"] == field
    assert "吵架" not in answer.text
    assert stored(settings) == []


def test_a_body_beyond_the_limit_is_refused(bundle_path: Path, tmp_path: Path) -> None:
    small = Settings(
        bundle=bundle_path, database_url=f"sqlite:///{tmp_path}/f.db", max_body_bytes=2048
    )

    def chunks():  # type: ignore[no-untyped-def]
        for _ in range(100):
            yield b" " * 100

    with TestClient(create_app(small)) as client:
        for content in (b'{"text": "' + b"a" * 3000 + b'"}', chunks()):
            answer = client.post("/v1/predict", content=content)
            assert answer.status_code == 413
            assert answer.json()["type"] == "urn:fenliu:problem:body-too-large"
        assert client.post("/v1/predict", json={"text": "吵架"}).status_code == 200


def test_a_batch_answers_row_by_row(client: TestClient, settings: Settings) -> None:
    calls = [{"text": "电瓶车被偷"}, {"text": ""}, "text", {"text": TEXT, "call_id": "c-1"}]
    answer = client.post("/v1/predict/batch", json={"calls": calls})
    assert answer.status_code == 200
    first, empty, no_object, last = answer.json()["results"]
    assert first["type"]["code"] == "1601"
    assert empty["error"]["errors"][0]["field"] == "calls[1].text"
    assert no_object["error"]["errors"][0]["field"] == "calls[2]"
    assert last["call_id"] == "c-1"
    assert [row["decision_id"] for row in stored(settings)] == [
        first["decision_id"],
        last["decision_id"],
    ]


@pytest.mark.parametrize("calls", [[], [{"text": "吵架"}] * 1001, "吵架", None])
def test_a_batch_of_a_wrong_size_is_refused(client: TestClient, calls: object) -> None:
    answer = client.post("/v1/predict/batch", json={"calls": calls})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "calls"


def test_a_full_batch_is_answered_in_order(client: TestClient) -> None:
    calls = [{"text": f"楼上漏水{number}", "call_id": str(number)} for number in range(1000)]
    results = client.post("/v1/predict/batch", json={"calls": calls}).json()["results"]
    assert [result["call_id"] for result in results] == [call["call_id"] for call in calls]


def test_one_call_twice_in_a_batch_is_decided_once(client: TestClient) -> None:
    call = {"text": TEXT, "call_id": "c-1"}
    results = client.post("/v1/predict/batch", json={"calls": [call, call]}).json()["results"]
    assert results[0] == results[1]


def test_an_unknown_decision_is_not_found(client: TestClient) -> None:
    answer = client.get("/v1/decisions/none")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:fenliu:problem:not-found"


def test_a_full_queue_pushes_back(bundle_path: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/f.db"
    app = create_app(Settings(bundle=bundle_path, database_url=url, queue_limit=1))
    blocker = sqlite3.connect(tmp_path / "f.db", isolation_level=None)
    with TestClient(app) as client, ThreadPoolExecutor(2) as pool:
        blocker.execute("BEGIN IMMEDIATE")
        waiting = pool.submit(client.post, "/v1/predict", json={"text": TEXT})
        while not app.state.predict._log._pending:
            pass
        refused = client.post("/v1/predict", json={"text": TEXT})
        blocker.execute("ROLLBACK")
        assert waiting.result().status_code == 200
    assert refused.status_code == 503
    assert refused.json()["type"] == "urn:fenliu:problem:overloaded"
    assert int(refused.headers["Retry-After"]) >= 1


def test_all_that_waits_is_stored_when_the_service_stops(bundle_path: Path, tmp_path: Path) -> None:
    settings = Settings(bundle=bundle_path, database_url=f"sqlite:///{tmp_path}/f.db")
    with TestClient(create_app(settings)) as client:
        answers = [client.post("/v1/predict", json={"text": TEXT}) for _ in range(20)]
    assert {row["decision_id"] for row in stored(settings)} == {
        answer.json()["decision_id"] for answer in answers
    }
