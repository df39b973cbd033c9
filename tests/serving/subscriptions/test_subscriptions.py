"""Subscriptions as another system sees them: over HTTP, with decisions that are really made."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from standardwebhooks import Webhook

from fenliu.errors import ConfigurationError
from serving.app import create_app
from serving.settings import Settings
from tests.serving.subscriptions.receiver import Answer, Receiver, wait_until

TEXT = "报警人称老板欠三个月工钱不给"
ROOT = "/v1/subscriptions"


@pytest.fixture
def settings(bundle_path: Path, tmp_path: Path) -> Settings:
    return Settings(
        bundle=bundle_path,
        database_url=f"sqlite:///{tmp_path / 'fenliu.db'}",
        webhook_allowed_hosts="127.0.0.0/8",
    )


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


def subscribe(client: TestClient, url: str, **given: Any) -> dict[str, Any]:
    answer = client.post(ROOT, json={"url": url} | given)
    assert answer.status_code == 201
    return dict(answer.json())


def found(client: TestClient, subscription: dict[str, Any], query: str = "") -> Any:
    path = f"{ROOT}/{subscription['subscription_id']}/deliveries{query}"
    return client.get(path).json()["deliveries"]


def test_decisions_reach_a_subscriber_signed_and_in_order(
    client: TestClient, receiver: Receiver
) -> None:
    secret = subscribe(client, receiver.url)["secret"]
    call = {"call_id": "c-1", "caller": "13800000000", "location": "幸福里小区"}
    first = client.post("/v1/predict", json=call | {"text": "有纠纷"}).json()
    again = client.post("/v1/predict", json=call | {"text": "有纠纷"}).json()
    second = client.post("/v1/predict", json=call | {"text": TEXT}).json()
    wait_until(lambda: len(receiver.received) == 2)
    assert again == first
    made, revised = [
        Webhook(secret).verify(request.body, request.headers) for request in receiver.received
    ]
    assert (made["type"], revised["type"]) == ("decision.made", "decision.revised")
    assert made["subject"] == revised["subject"] == "c-1"
    assert revised["time"] == second["decided_at"]
    assert revised["data"] == {
        "decision_id": second["decision_id"],
        "call_id": "c-1",
        "supersedes": first["decision_id"],
        "action": second["action"],
        "type_code": second["type"]["code"],
        "owner": second["owner"],
        "probability": second["type"]["probability"],
        "model_version": second["model_version"],
        "policy_version": second["policy_version"],
        "taxonomy_version": second["taxonomy_version"],
    }


def test_no_event_tells_what_was_said_by_whom_or_where(
    client: TestClient, receiver: Receiver
) -> None:
    subscribe(client, receiver.url)
    call = {"text": TEXT, "caller": "13800000000", "location": "幸福里小区"}
    decision = client.post("/v1/predict", json=call).json()
    wait_until(lambda: receiver.received)
    (request,) = receiver.received
    assert request.event["subject"] == decision["decision_id"]
    sent = request.body.decode() + json.dumps(request.headers)
    assert not any(word in sent for word in (TEXT, "工钱", "13800000000", "幸福里"))


def test_a_batch_is_told_call_by_call(client: TestClient, receiver: Receiver) -> None:
    subscribe(client, receiver.url)
    calls = [{"text": f"楼上漏水{number}", "call_id": str(number)} for number in range(40)]
    client.post("/v1/predict/batch", json={"calls": calls})
    wait_until(lambda: len(receiver.received) == 40)
    assert sorted(receiver.subjects()) == sorted(str(number) for number in range(40))


def test_without_subscriptions_nothing_is_put_aside(client: TestClient, settings: Settings) -> None:
    client.post("/v1/predict", json={"text": TEXT})
    with sqlite3.connect(settings.database_url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("SELECT count(*) FROM deliveries").fetchone() == (0,)


def test_the_secret_is_shown_once(client: TestClient, receiver: Receiver) -> None:
    made = subscribe(client, receiver.url, description="综合受理平台")
    assert made["secret"].startswith("whsec_")
    path = f"{ROOT}/{made['subscription_id']}"
    shown = client.get(path).json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert client.get(ROOT).json() == {"subscriptions": [shown]}
    for answer in (client.post(f"{path}/pause"), client.post(f"{path}/resume")):
        assert "whsec_" not in answer.text


def test_a_subscription_is_deleted(client: TestClient, receiver: Receiver) -> None:
    path = f"{ROOT}/{subscribe(client, receiver.url)['subscription_id']}"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.get(ROOT).json() == {"subscriptions": []}


def test_a_paused_subscription_waits(client: TestClient, receiver: Receiver) -> None:
    paused = subscribe(client, receiver.url)
    path = f"{ROOT}/{paused['subscription_id']}"
    assert client.post(f"{path}/pause").json()["state"] == "paused"
    client.post("/v1/predict", json={"text": TEXT})
    assert [entry["state"] for entry in found(client, paused)] == ["pending"]
    assert client.post(f"{path}/resume").json()["state"] == "active"
    wait_until(lambda: found(client, paused, "?state=delivered"))


def test_dead_letters_are_seen_and_replayed(
    bundle_path: Path, tmp_path: Path, receiver: Receiver
) -> None:
    settings = Settings(
        bundle=bundle_path,
        database_url=f"sqlite:///{tmp_path / 'fenliu.db'}",
        webhook_allowed_hosts="127.0.0.1",
        webhook_retry_hours=1e-9,
    )
    receiver.answer = lambda _: Answer(500)
    with TestClient(create_app(settings)) as client:
        subscription = subscribe(client, receiver.url)
        path = f"{ROOT}/{subscription['subscription_id']}/deliveries"
        for number in range(3):
            client.post("/v1/predict", json={"text": TEXT, "call_id": str(number)})
        wait_until(lambda: len(found(client, subscription, "?state=dead")) == 3)
        dead = found(client, subscription, "?state=dead")[0]
        assert (dead["last_status"], dead["last_error"]) == (500, "status")
        assert dead["settled_at"] and dead["next_attempt_at"] is None
        receiver.answer = lambda _: Answer()
        answer = client.post(f"{path}/{dead['delivery_id']}/replay")
        assert (answer.status_code, answer.json()["state"]) == (202, "pending")
        assert client.post(f"{path}/replay").json() == {"replayed": 2}
        wait_until(lambda: len(found(client, subscription, "?state=delivered")) == 3)


def test_deliveries_are_shown_page_by_page(client: TestClient, receiver: Receiver) -> None:
    subscription = subscribe(client, receiver.url)
    path = f"{ROOT}/{subscription['subscription_id']}/deliveries"
    client.post(f"{ROOT}/{subscription['subscription_id']}/pause")
    for number in range(5):
        client.post("/v1/predict", json={"text": TEXT, "call_id": str(number)})
    seen: list[str] = []
    before = ""
    while before is not None:
        page = client.get(path, params={"limit": 2} | ({"before": before} if before else {}))
        seen += [entry["subject"] for entry in page.json()["deliveries"]]
        before = page.json()["next"]
    assert seen == ["4", "3", "2", "1", "0"]
    wrong = client.get(path, params={"before": "none"})
    assert wrong.json()["errors"][0]["field"] == "before"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": "ftp://127.0.0.1/"}, "url"),
        ({"url": "http://127.0.0.1/", "event_types": []}, "event_types"),
        ({"url": "http://127.0.0.1/", "event_types": ["order.closed"]}, "event_types[0]"),
        ({"url": "http://127.0.0.1/", "secret": "x"}, "secret"),
        ({"url": "http://127.0.0.1/", "description": "\u0000"}, "description"),
    ],
)
def test_bad_input_names_the_field(client: TestClient, body: dict[str, Any], field: str) -> None:
    answer = client.post(ROOT, json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert client.get(ROOT).json() == {"subscriptions": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/none"),
        ("DELETE", "/none"),
        ("POST", "/none/pause"),
        ("POST", "/none/resume"),
        ("GET", "/none/deliveries"),
        ("POST", "/none/deliveries/replay"),
        ("POST", "/none/deliveries/none/replay"),
    ],
)
def test_what_does_not_exist_is_not_found(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, ROOT + path)
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:fenliu:problem:not-found"


def test_a_delivery_is_found_only_below_its_own_subscription(
    client: TestClient, receiver: Receiver
) -> None:
    mine, other = subscribe(client, receiver.url), subscribe(client, receiver.url)
    client.post("/v1/predict", json={"text": TEXT})
    delivery = found(client, mine)[0]["delivery_id"]
    path = f"{ROOT}/{other['subscription_id']}/deliveries/{delivery}/replay"
    assert client.post(path).status_code == 404


def test_a_list_of_hosts_that_cannot_be_read_stops_the_start(settings: Settings) -> None:
    wrong = settings.model_copy(update={"webhook_allowed_hosts": "http://x"})
    with pytest.raises(ConfigurationError, match="webhook_allowed_hosts"):
        create_app(wrong)
