"""Delivery over real HTTP, on SQLite and on PostgreSQL."""

import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text
from standardwebhooks import Webhook, WebhookVerificationError

from fenliu.paths import HOME
from serving.db import open_database
from serving.events import Event, publish
from serving.subscriptions import worker as worker_module
from serving.subscriptions.leases import _due as due
from serving.subscriptions.models import deliveries as table
from serving.subscriptions.service import SubscriptionService
from tests.serving.subscriptions.receiver import Answer, Received, Receiver, wait_until
from tests.serving.subscriptions.working import (
    HOPELESS,
    LOOPBACK,
    QUICK,
    deliveries,
    emit,
    states,
    subscribe,
    working,
)


def service(engine: Engine) -> SubscriptionService:
    return SubscriptionService(engine, LOOPBACK)


def leased(engine: Engine) -> int:
    with engine.connect() as connection:
        query = "SELECT count(*) FROM deliveries WHERE leased_by IS NOT NULL"
        return int(connection.scalar(text(query)) or 0)


def test_an_event_arrives_as_a_signed_cloud_event(engine: Engine, receiver: Receiver) -> None:
    subscription = subscribe(engine, receiver.url)
    emit(engine, "警-1")
    with working(engine):
        wait_until(lambda: states(engine, subscription) == ["delivered"])
    (request,) = receiver.received
    assert request.headers["Content-Type"].startswith("application/cloudevents+json")
    event = Webhook(subscription["secret"]).verify(request.body, request.headers)
    assert event["specversion"] == "1.0"
    assert event["type"] == "decision.made"
    assert event["subject"] == "警-1"
    assert event["time"].endswith("Z")
    assert event["data"] == {"number": 0}
    assert event["id"] == request.headers["webhook-id"]
    with pytest.raises(WebhookVerificationError):
        Webhook(subscribe(engine, receiver.url)["secret"]).verify(request.body, request.headers)


def test_nothing_is_stored_where_nobody_takes_it(engine: Engine, receiver: Receiver) -> None:
    emit(engine, "a")
    revisions = subscribe(engine, receiver.url, event_types=["decision.revised"])
    emit(engine, "b")
    everything = subscribe(engine, receiver.url)
    emit(engine, "c")
    assert deliveries(engine, revisions) == []
    assert [entry["subject"] for entry in deliveries(engine, everything)] == ["c"]


def test_an_event_of_a_transaction_that_failed_is_never_sent(
    engine: Engine, receiver: Receiver
) -> None:
    subscription = subscribe(engine, receiver.url)
    with pytest.raises(ZeroDivisionError), engine.begin() as connection:
        connection.execute(text("UPDATE subscriptions SET description = 'x'"))
        emit_failing(connection)
    assert deliveries(engine, subscription) == []


def emit_failing(connection) -> None:  # type: ignore[no-untyped-def]
    publish(connection, Event("decision.made", "a", datetime.now(UTC), {}))
    raise ZeroDivisionError


def test_a_receiver_that_is_down_gets_all_when_it_comes_back(
    engine: Engine, receiver: Receiver
) -> None:
    subscription = subscribe(engine, receiver.url)
    receiver.stop()
    emit(engine, "a", "b", "a")
    with working(engine):
        wait_until(lambda: deliveries(engine, subscription)[0]["attempts"] >= 2)
        assert deliveries(engine, subscription)[0]["last_error"] == "connection_failed"
        receiver.start()
        wait_until(lambda: states(engine, subscription) == ["delivered"] * 3)
    assert sorted(receiver.subjects()) == ["a", "a", "b"]


def test_events_of_a_call_keep_their_order_across_retries(
    engine: Engine, receiver: Receiver
) -> None:
    refused: list[int] = []

    def refuse_first_of_a(request: Received) -> Answer:
        if request.event["subject"] == "a" and len(refused) < 3:
            refused.append(request.event["data"]["number"])
            return Answer(500)
        return Answer()

    receiver.answer = refuse_first_of_a
    subscription = subscribe(engine, receiver.url)
    emit(engine, "a", "a", "b", "a", "b")
    with working(engine):
        wait_until(lambda: states(engine, subscription) == ["delivered"] * 5)
    assert refused == [0, 0, 0]
    numbers = defaultdict(list)
    for request in receiver.received:
        numbers[request.event["subject"]].append(request.event["data"]["number"])
    assert numbers == {"a": [0, 0, 0, 0, 1, 3], "b": [2, 4]}
    first = deliveries(engine, subscription)[0]
    assert (first["attempts"], first["last_status"], first["last_error"]) == (4, 204, None)


def test_a_retry_has_the_same_id_and_a_signature_of_its_own_time(
    engine: Engine, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Answer(500 if len(receiver.received) < 2 else 200)
    subscription = subscribe(engine, receiver.url)
    emit(engine, "a")
    with working(engine):
        wait_until(lambda: states(engine, subscription) == ["delivered"])
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1
    assert len({request.body for request in receiver.received}) == 1
    for request in receiver.received:
        Webhook(subscription["secret"]).verify(request.body, request.headers)


def test_a_slow_receiver_does_not_hold_up_another(
    engine: Engine, receiver: Receiver, other_receiver: Receiver
) -> None:
    let_go = threading.Event()
    receiver.answer = lambda _: Answer() if let_go.wait(30) else Answer(500)
    slow, fast = subscribe(engine, receiver.url), subscribe(engine, other_receiver.url)
    emit(engine, *(str(number) for number in range(50)))
    with working(engine):
        wait_until(lambda: states(engine, fast) == ["delivered"] * 50)
        assert "delivered" not in states(engine, slow)
        let_go.set()
        wait_until(lambda: states(engine, slow) == ["delivered"] * 50)


def test_a_receiver_beyond_its_time_is_tried_again(engine: Engine, receiver: Receiver) -> None:
    let_go = threading.Event()
    receiver.answer = lambda _: Answer() if let_go.wait(30) else Answer(500)
    subscription = subscribe(engine, receiver.url)
    emit(engine, "a")
    with working(engine, timeout=0.1):
        wait_until(lambda: deliveries(engine, subscription)[0]["last_error"] == "timeout")
        let_go.set()
        wait_until(lambda: states(engine, subscription) == ["delivered"])


def test_a_redirect_is_not_followed(
    engine: Engine, receiver: Receiver, other_receiver: Receiver
) -> None:
    receiver.answer = lambda _: Answer(307, (("Location", other_receiver.url),))
    subscription = subscribe(engine, receiver.url)
    emit(engine, "a")
    with working(engine, HOPELESS):
        wait_until(lambda: states(engine, subscription) == ["dead"])
    (delivery,) = deliveries(engine, subscription)
    assert (delivery["last_status"], delivery["last_error"]) == (307, "redirect")
    assert other_receiver.received == []


def test_an_endless_answer_is_cut_off_and_its_status_counts(
    engine: Engine, receiver: Receiver, other_receiver: Receiver
) -> None:
    receiver.answer = lambda _: Answer(200, endless=True)
    other_receiver.answer = lambda _: Answer(500, endless=True)
    good, bad = subscribe(engine, receiver.url), subscribe(engine, other_receiver.url)
    emit(engine, "a")
    with working(engine, HOPELESS):
        wait_until(lambda: states(engine, good) == ["delivered"])
        wait_until(lambda: states(engine, bad) == ["dead"])


def test_gone_disables_the_subscription_until_it_is_resumed(
    engine: Engine, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Answer(410)
    subscription = subscribe(engine, receiver.url)
    emit(engine, "a")
    with working(engine):
        name = subscription["subscription_id"]
        wait_until(lambda: service(engine).find(name)["state"] == "disabled")
        emit(engine, "b")
        assert [entry["subject"] for entry in deliveries(engine, subscription)] == ["a"]
        receiver.answer = lambda _: Answer()
        assert service(engine).resume(name)["state"] == "active"
        wait_until(lambda: states(engine, subscription) == ["delivered"])
    assert receiver.subjects() == ["a", "a"]


def test_a_paused_subscription_collects_and_delivers_when_resumed(
    engine: Engine, receiver: Receiver, other_receiver: Receiver
) -> None:
    paused, witness = subscribe(engine, receiver.url), subscribe(engine, other_receiver.url)
    service(engine).pause(paused["subscription_id"])
    emit(engine, "a", "b")
    with working(engine):
        wait_until(lambda: states(engine, witness) == ["delivered"] * 2)
        assert receiver.received == []
        service(engine).resume(paused["subscription_id"])
        wait_until(lambda: states(engine, paused) == ["delivered"] * 2)


def test_a_dead_letter_lets_the_next_pass_and_can_be_replayed(
    engine: Engine, receiver: Receiver
) -> None:
    receiver.answer = lambda request: Answer(503 if request.event["data"]["number"] == 0 else 200)
    subscription = subscribe(engine, receiver.url)
    emit(engine, "a", "a")
    with working(engine, HOPELESS):
        wait_until(lambda: states(engine, subscription) == ["dead", "delivered"])
        (dead, _) = deliveries(engine, subscription)
        assert (dead["last_status"], dead["attempts"]) == (503, 1)
        receiver.answer = lambda _: Answer()
        service(engine).replay(subscription["subscription_id"], dead["delivery_id"])
        wait_until(lambda: states(engine, subscription) == ["delivered"] * 2)
    assert [request.event["data"]["number"] for request in receiver.received] == [0, 1, 0]


def test_all_dead_letters_are_replayed_in_order(engine: Engine, receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(500)
    subscription = subscribe(engine, receiver.url)
    emit(engine, "a", "a", "a")
    with working(engine, HOPELESS):
        wait_until(lambda: states(engine, subscription) == ["dead"] * 3)
        receiver.received.clear()
        receiver.answer = lambda _: Answer()
        assert service(engine).replay_dead(subscription["subscription_id"]) == 3
        wait_until(lambda: states(engine, subscription) == ["delivered"] * 3)
    assert [request.event["data"]["number"] for request in receiver.received] == [0, 1, 2]


def test_several_workers_deliver_each_row_once_and_in_order(
    engine: Engine, receiver: Receiver
) -> None:
    subscription = subscribe(engine, receiver.url)
    emit(engine, *(str(number % 15) for number in range(150)))
    with working(engine), working(engine), working(engine):
        wait_until(lambda: states(engine, subscription) == ["delivered"] * 150)
    assert len(receiver.received) == 150
    numbers = defaultdict(list)
    for request in receiver.received:
        numbers[request.event["subject"]].append(request.event["data"]["number"])
    assert all(found == sorted(found) and len(found) == 10 for found in numbers.values())


WORKER = """
import sys, time
from serving.db import open_database
from tests.serving.subscriptions.working import working
with working(open_database(sys.argv[1]), lease=1):
    time.sleep(60)
"""


def test_a_worker_killed_before_it_recorded_is_followed_by_another(
    engine: Engine, database_url: str, receiver: Receiver
) -> None:
    killed: list[subprocess.Popen[bytes]] = []

    def kill_the_sender(_: Received) -> Answer:
        if killed:
            os.kill(killed.pop().pid, signal.SIGKILL)
        return Answer()

    receiver.answer = kill_the_sender
    subscription = subscribe(engine, receiver.url)
    emit(engine, "a")
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": f"{here}{os.pathsep}{HOME}"}
    first = subprocess.Popen([sys.executable, "-c", WORKER, database_url], env=environment)
    killed.append(first)
    first.wait(30)
    wait_until(lambda: len(receiver.received) == 1)
    assert (states(engine, subscription), leased(engine)) == (["pending"], 1)
    with working(engine):
        wait_until(lambda: states(engine, subscription) == ["delivered"])
    assert len(receiver.received) == 2
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1


def test_a_stop_waits_for_what_is_under_way(engine: Engine, receiver: Receiver) -> None:
    arrived, let_go = threading.Event(), threading.Event()

    def hold(_: Received) -> Answer:
        arrived.set()
        let_go.wait(30)
        return Answer()

    receiver.answer = hold
    subscription = subscribe(engine, receiver.url)
    emit(engine, "a")
    with working(engine):
        assert arrived.wait(30)
        threading.Timer(0.2, let_go.set).start()
    assert states(engine, subscription) == ["delivered"]
    assert leased(engine) == 0


def test_a_stop_gives_back_what_takes_too_long(
    engine: Engine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "GRACE_SECONDS", 0.05)
    arrived, let_go = threading.Event(), threading.Event()

    def hold(_: Received) -> Answer:
        arrived.set()
        let_go.wait(30)
        return Answer()

    receiver.answer = hold
    subscription = subscribe(engine, receiver.url)
    emit(engine, "a")
    with working(engine):
        assert arrived.wait(30)
    (delivery,) = deliveries(engine, subscription)
    assert (delivery["state"], delivery["attempts"], leased(engine)) == ("pending", 0, 0)
    let_go.set()
    with working(engine, QUICK):
        wait_until(lambda: states(engine, subscription) == ["delivered"])


def test_a_deleted_subscription_is_told_nothing_more(engine: Engine, receiver: Receiver) -> None:
    subscription = subscribe(engine, receiver.url)
    emit(engine, "a")
    service(engine).delete(subscription["subscription_id"])
    emit(engine, "b")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM deliveries")) == 0


def test_what_was_delivered_long_ago_is_dropped_and_dead_letters_stay(
    engine: Engine, receiver: Receiver
) -> None:
    receiver.answer = lambda request: Answer(500 if request.event["subject"] == "dead" else 200)
    subscription = subscribe(engine, receiver.url)
    emit(engine, "old", "dead")
    with working(engine, HOPELESS):
        wait_until(lambda: sorted(states(engine, subscription)) == ["dead", "delivered"])
    emit(engine, "new")
    with engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET settled_at = '2020-01-01 00:00:00.000000'"))
    with working(engine, HOPELESS):
        wait_until(lambda: states(engine, subscription) == ["dead", "delivered"])
    assert [entry["subject"] for entry in deliveries(engine, subscription)] == ["dead", "new"]


def test_a_large_backlog_is_found_by_its_indexes(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'backlog.db'}")
    with engine.connect() as connection:
        query = select(table.c.id).where(table.c.subscription_id == "x", due(datetime.now(UTC)))
        sql = query.compile(engine)
        values = tuple(sql.construct_params()[name] for name in sql.positiontup or ())
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        plan = " ".join(row[3] for row in rows)
    engine.dispose()
    assert "ix_deliveries_due" in plan
    assert "ix_deliveries_order" in plan
    assert "SCAN" not in plan
