import os
import re
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from fenliu.classifier import Classifier
from fenliu.paths import HOME
from serving.settings import Settings
from tests.serving.watch.running import Running, Start, wait_for

KNIFE = "要账的跟他吵起来了，对方从车里拿出一把刀"
WAGES = "报警人称老板欠三个月工钱不给"


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float:
    """Sum of the samples of a name that have some labels."""
    wanted = set(labels.items())
    return sum(v for (n, found), v in samples(text).items() if n == name and wanted <= found)


def test_requests_are_counted_by_route_and_status(start: Start) -> None:
    service = start()
    service.post(WAGES)
    service.post(KNIFE)
    service.post("")
    service.post("吵架", call_id="")
    text = service.metrics()
    assert value(text, "fenliu_request_seconds_count", route="/v1/predict", status="200") == 2
    assert value(text, "fenliu_request_seconds_count", route="/v1/predict", status="422") == 2
    assert value(text, "fenliu_request_seconds_bucket", route="/v1/predict", le="+Inf") == 4
    assert value(text, "fenliu_scoring_seconds_count") == 2


def test_decisions_are_counted_once_each(client: TestClient) -> None:
    decision = client.post("/v1/predict", json={"text": KNIFE, "call_id": "c-1"}).json()
    client.post("/v1/predict", json={"text": KNIFE, "call_id": "c-1"})
    calls = [{"text": KNIFE}, {"text": ""}, {"text": KNIFE, "call_id": "c-1"}]
    client.post("/v1/predict/batch", json={"calls": calls})
    text = client.get("/metrics").text
    category = decision["type"]["category_code"]
    labels = {"action": "dispatch_police", "category": category}
    assert value(text, "fenliu_decisions_total", **labels) == 2
    assert value(text, "fenliu_decisions_total") == 2
    assert value(text, "fenliu_red_flags_total", id="weapon", level="danger") == 2


def test_the_share_left_to_humans_can_be_derived(client: TestClient) -> None:
    actions = [
        client.post("/v1/predict", json={"text": text}).json()["action"]
        for text in (KNIFE, WAGES, "有事", "你好", "吵架", "路灯不亮")
    ]
    text = client.get("/metrics").text
    assert value(text, "fenliu_decisions_total", action="human_review") == actions.count(
        "human_review"
    )
    assert actions.count("human_review") > 0


def test_the_decision_log_shows_its_queue_and_its_groups(client: TestClient) -> None:
    calls = [{"text": WAGES}] * 300
    client.post("/v1/predict/batch", json={"calls": calls})
    text = client.get("/metrics").text
    assert value(text, "fenliu_decision_log_waiting") == 0
    assert value(text, "fenliu_commit_decisions_sum") == 300
    assert value(text, "fenliu_commit_decisions_count") == 1
    assert value(text, "fenliu_commit_seconds_count") == 1


def test_waiting_decisions_are_seen_while_they_wait(start: Start, tmp_path: Path) -> None:
    service = start()
    blocker = sqlite3.connect(tmp_path / "fenliu.db", isolation_level=None)
    with ThreadPoolExecutor() as pool:
        blocker.execute("BEGIN IMMEDIATE")
        answer = pool.submit(service.post, WAGES)
        wait_for(lambda: value(service.metrics(), "fenliu_decision_log_waiting") == 1)
        blocker.execute("ROLLBACK")
        assert answer.result().status_code == 200
    assert value(service.metrics(), "fenliu_decision_log_waiting") == 0


def test_a_store_that_fails_is_counted(client: TestClient) -> None:
    engine = client.app.state.engine  # type: ignore[attr-defined]
    with engine.execution_options(write=True).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE decisions RENAME TO gone")
    client.post("/v1/predict", json={"text": WAGES})
    client.get("/v1/decisions/some")
    assert value(client.get("/metrics").text, "fenliu_store_failures_total") == 2


def test_versions_and_certificate_are_shown(client: TestClient, classifier: Classifier) -> None:
    text = client.get("/metrics").text
    bundle = classifier.bundle
    versions = {"model_version": bundle.model_version, "policy_version": bundle.policy_version}
    assert value(text, "fenliu_bundle_info", **versions) == 1
    certificate = bundle.policy.certificate
    assert value(text, "fenliu_certificate_alpha") == certificate["alpha"]
    assert value(text, "fenliu_certificate_upper_bound") == certificate["upper_bound"]
    assert value(text, "fenliu_certificate_provisional") == 1
    assert value(text, "fenliu_certificate_certified") == 1
    assert value(text, "fenliu_divert_threshold") == bundle.policy.divert_threshold


def test_others_can_add_a_number_that_is_read_at_each_scrape(client: TestClient) -> None:
    lags = iter([3.5, None])
    client.app.state.metrics.read_at_scrape(  # type: ignore[attr-defined]
        "fenliu_outbox_lag_seconds", "Age of the oldest message.", lambda: next(lags)
    )
    assert value(client.get("/metrics").text, "fenliu_outbox_lag_seconds") == 3.5
    assert "fenliu_outbox_lag_seconds" not in client.get("/metrics").text
    failing = client.get("/metrics")
    assert failing.status_code == 200
    assert "fenliu_bundle_info" in failing.text


def test_a_scraper_gets_the_format_it_asks_for(client: TestClient) -> None:
    plain = client.get("/metrics")
    assert plain.headers["Content-Type"].startswith("text/plain")
    wanted = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = client.get("/metrics", headers=wanted)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_paths_that_nobody_serves_do_not_become_labels(client: TestClient) -> None:
    for path in ("/13800138000", "/v1/decisions/13800138000", "/v1/nowhere?caller=13800138000"):
        client.get(path)
    client.request("BREW", "/13800138000")
    text = client.get("/metrics").text
    assert "13800138000" not in text
    assert "BREW" not in text
    assert value(text, "fenliu_request_seconds_count", route="none") == 3


def test_every_metric_stands_in_the_docs_and_nothing_else(client: TestClient) -> None:
    client.post("/v1/predict", json={"text": KNIFE})
    families = {family.name for family in text_string_to_metric_families(_full(client))}
    ours = {name for name in families if name.startswith("fenliu_")}
    page = (HOME / "docs" / "operations.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `(fenliu_\w+)", page, re.MULTILINE)
    shown = {re.sub(r"_(total|info)$", "", name) for name in table}
    assert shown == {re.sub(r"_(total|info)$", "", name) for name in ours}


def _full(client: TestClient) -> str:
    """Metrics, those of drift included."""
    client.app.state.metrics.drifted({"length": 0.0}, 0, 0.0)  # type: ignore[attr-defined]
    return client.get("/metrics").text


@pytest.fixture
def workers(start: Start) -> Running:
    running = start(FENLIU_WORKERS="2")
    wait_for(lambda: len(running.events("started")) == 2)
    return running


def test_several_workers_add_up(workers: Running) -> None:
    for number in range(40):
        assert workers.post(KNIFE, call_id=str(number)).status_code == 200
    for text in (workers.metrics() for _ in range(6)):
        assert value(text, "fenliu_decisions_total") == 40
        assert value(text, "fenliu_request_seconds_count", route="/v1/predict") == 40
        assert value(text, "fenliu_bundle_info") == 1
        assert value(text, "fenliu_decision_log_waiting") == 0
    assert len({line["pid"] for line in workers.events("started")}) == 2


def test_metrics_outlive_a_worker_and_leave_no_folder(workers: Running) -> None:
    for number in range(20):
        workers.post(KNIFE, call_id=str(number))
    victim = workers.events("started")[0]["pid"]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: workers.events("worker_replaced"))
    wait_for(lambda: len(workers.events("started")) == 3)
    text = wait_for(workers.metrics)
    assert value(text, "fenliu_decisions_total") == 20
    assert value(text, "fenliu_decision_log_waiting") == 0
    folder = _metrics_folder(workers.process.pid)
    assert folder.exists()
    workers.stop()
    assert workers.process.returncode == 0
    assert not folder.exists()


def test_workers_are_renewed_on_wish(workers: Running) -> None:
    workers.post(KNIFE)
    workers.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(workers.events("stopped")) == 2)
    assert len({line["pid"] for line in workers.events("started")}) == 4
    assert workers.post(KNIFE).status_code == 200
    assert value(workers.metrics(), "fenliu_decisions_total") == 2


def _metrics_folder(pid: int) -> Path:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in children:
        environment = Path(f"/proc/{child}/environ").read_text()
        found = re.search(r"PROMETHEUS_MULTIPROC_DIR=([^\0]+)", environment)
        if found:
            return Path(found.group(1))
    raise AssertionError("no worker knows the folder")


def test_a_wrong_number_of_workers_is_named() -> None:
    with pytest.raises(ValueError, match="workers"):
        Settings(workers=0)
