"""Who gets in, to what, and who sees which decision."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import delete, event

from fenliu.errors import ConfigurationError
from serving.app import create_app
from serving.auth import OPEN_PATHS, Requires
from serving.db import open_database
from serving.keys import ring
from serving.keys.models import api_keys
from serving.keys.service import revoke_key
from serving.settings import Settings
from tests.serving.conftest import NewKey, Serve

CALL = {"text": "报警人称老板欠三个月工钱不给"}


def routes(client: TestClient) -> list[tuple[str, str]]:
    """Method and path of every documented route behind the gate."""
    paths = client.get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path.replace("{decision_id}", "x"))
        for path, methods in paths.items()
        for method in methods
        if path not in OPEN_PATHS
    ]


def test_without_any_key_this_machine_may_do_everything(client: TestClient) -> None:
    decision = client.post("/v1/predict", json=CALL)
    assert decision.status_code == 200
    assert client.get(f"/v1/decisions/{decision.json()['decision_id']}").status_code == 200
    assert client.get("/v1/taxonomy").status_code == 200


def test_with_one_key_nothing_but_health_and_documentation_is_open(
    client: TestClient, new_key: NewKey, at_once: None
) -> None:
    headers = new_key("predict", "read")
    assert len(routes(client)) >= 4
    for method, path in [*routes(client), ("GET", "/nowhere"), ("OPTIONS", "/v1/predict")]:
        answer = client.request(method, path, json=CALL)
        assert answer.status_code == 401, path
        assert answer.json()["type"] == "urn:fenliu:problem:unauthenticated"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert client.request(method, path, json=CALL, headers=headers).status_code != 401
    for path in ("/healthz", "/readyz", "/docs", "/redoc", "/openapi.json", "/"):
        assert client.get(path).status_code == 200, path


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic dTpw", "Bearer fl_bcdfghjk_" + "a" * 43, "fl_x", "Bearer é"],
)
def test_what_is_no_key_in_force_is_refused(
    client: TestClient, new_key: NewKey, at_once: None, header: str
) -> None:
    new_key("predict")
    answer = client.post("/v1/predict", json=CALL, headers={"Authorization": header.encode()})
    assert answer.status_code == 401


def test_a_stranger_learns_nothing_about_the_body(
    client: TestClient, new_key: NewKey, at_once: None
) -> None:
    new_key("predict")
    assert client.post("/v1/predict", content=b"{").status_code == 401


def test_a_revoked_key_is_refused_by_the_running_service(
    client: TestClient, settings: Settings, new_key: NewKey, at_once: None
) -> None:
    headers = new_key("predict")
    assert client.post("/v1/predict", json=CALL, headers=headers).status_code == 200
    engine = open_database(settings.database_url)
    revoke_key(engine, headers["Authorization"].split("_")[1])
    engine.dispose()
    assert client.post("/v1/predict", json=CALL, headers=headers).status_code == 401
    assert client.post("/v1/predict", json=CALL).status_code == 401


def test_the_hot_route_does_not_ask_the_database_who_is_calling(
    client: TestClient, new_key: NewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = new_key("predict")
    monkeypatch.setattr(ring, "REFRESH_SECONDS", 0.0)
    assert client.post("/v1/predict", json=CALL, headers=headers).status_code == 200
    monkeypatch.setattr(ring, "REFRESH_SECONDS", 3600.0)
    statements: list[str] = []
    engine = client.app.state.engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    for _ in range(20):
        assert client.post("/v1/predict", json=CALL, headers=headers).status_code == 200
        guessed = {"Authorization": "Bearer fl_bcdfghjk_" + "a" * 43}
        assert client.post("/v1/predict", json=CALL, headers=guessed).status_code == 401
    assert any("INSERT INTO decisions" in statement for statement in statements)
    assert not any("api_keys" in statement for statement in statements)


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("predict", {"/v1/predict", "/v1/predict/batch", "/v1/taxonomy"}),
        ("read", {"/v1/taxonomy"}),
        ("review", {"/v1/taxonomy"}),
        ("orders", {"/v1/taxonomy"}),
        ("admin", {"/v1/taxonomy"}),
    ],
)
def test_a_scope_opens_its_routes_and_no_others(
    client: TestClient, new_key: NewKey, at_once: None, scope: str, allowed: set[str]
) -> None:
    headers = new_key(scope)
    bodies = {"/v1/predict": CALL, "/v1/predict/batch": {"calls": [CALL]}}
    for path in ("/v1/predict", "/v1/predict/batch", "/v1/taxonomy"):
        method = "POST" if path in bodies else "GET"
        answer = client.request(method, path, json=bodies.get(path), headers=headers)
        assert answer.status_code == (200 if path in allowed else 403), path
        if path not in allowed:
            assert answer.json()["type"] == "urn:fenliu:problem:forbidden"
            assert "predict" in answer.json()["detail"]


def test_a_machine_sees_its_own_decisions_and_a_reader_all(
    client: TestClient, new_key: NewKey, at_once: None
) -> None:
    nobodys = client.post("/v1/predict", json=CALL).json()["decision_id"]
    dispatch = new_key("predict", name="dispatch")
    renewed = new_key("predict", name="dispatch")
    hotline = new_key("predict", name="hotline")
    reader = new_key("read", name="statistics")
    reviewer = new_key("review", name="console")
    single = client.post("/v1/predict", json=CALL, headers=dispatch).json()["decision_id"]
    batch = client.post("/v1/predict/batch", json={"calls": [CALL]}, headers=dispatch).json()

    def status(decision_id: str, headers: dict[str, str]) -> int:
        return client.get(f"/v1/decisions/{decision_id}", headers=headers).status_code

    for decision_id in (single, batch["results"][0]["decision_id"]):
        assert status(decision_id, dispatch) == 200
        assert status(decision_id, renewed) == 200
        assert status(decision_id, hotline) == 404
        assert status(decision_id, reader) == 200
        assert status(decision_id, reviewer) == 403
    assert [status(nobodys, headers) for headers in (dispatch, reader)] == [404, 200]
    asked = hotline | {"X-Request-ID": "r-1"}
    hidden = client.get(f"/v1/decisions/{single}", headers=asked).json()
    assert hidden == client.get("/v1/decisions/none", headers=asked).json()


def test_every_route_says_who_may_call_it(client: TestClient) -> None:
    def declared(route: APIRoute) -> bool:
        waiting = list(route.dependant.dependencies)
        while waiting:
            dependency = waiting.pop()
            if isinstance(dependency.call, Requires):
                return True
            waiting += dependency.dependencies
        return False

    found = list(all_routes(client.app.router.routes))  # type: ignore[attr-defined]
    assert {"/v1/predict", "/healthz"} <= {route.path for route in found}
    assert [r.path for r in found if r.path not in OPEN_PATHS and not declared(r)] == []


def all_routes(given: list[object]) -> Iterator[APIRoute]:
    for route in given:
        if isinstance(route, APIRoute):
            yield route
        elif included := getattr(route, "original_router", None):
            yield from all_routes(included.routes)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 proxy"},
        {"Host": "attacker.example"},
        {"Host": "attacker.example:8000"},
        {"Host": "203.0.113.9"},
        {"Host": "localhost.attacker.example."},
    ],
)
def test_without_a_key_nobody_speaks_through_a_proxy_or_a_foreign_page(
    client: TestClient, headers: dict[str, str]
) -> None:
    answer = client.post("/v1/predict", json=CALL, headers=headers)
    assert answer.status_code == 401
    assert client.get("/healthz", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "127.0.0.1:80", "[::1]:80"])
def test_every_name_of_this_machine_is_answered(client: TestClient, host: str) -> None:
    assert client.post("/v1/predict", json=CALL, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "fenliu.example"])
def test_others_may_connect_only_when_a_key_exists(
    settings: Settings, new_key: NewKey, host: str
) -> None:
    reachable = settings.model_copy(update={"host": host})
    with pytest.raises(ConfigurationError, match="fenliu keys create"):
        create_app(reachable)
    new_key("predict")
    with TestClient(create_app(reachable)) as client:
        assert client.post("/v1/predict", json=CALL).status_code == 401


def test_a_reachable_service_stays_shut_when_its_keys_are_lost(
    settings: Settings, new_key: NewKey, at_once: None
) -> None:
    new_key("predict")
    with TestClient(create_app(settings.model_copy(update={"host": "0.0.0.0"}))) as client:
        engine = client.app.state.engine  # type: ignore[attr-defined]
        with engine.execution_options(write=True).begin() as connection:
            connection.execute(delete(api_keys))
        assert client.post("/v1/predict", json=CALL).status_code == 401


def test_keys_that_cannot_be_read_let_nobody_in(
    client: TestClient, new_key: NewKey, at_once: None
) -> None:
    headers = new_key("predict")
    engine = client.app.state.engine  # type: ignore[attr-defined]
    with engine.execution_options(write=True).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE api_keys RENAME TO gone")
    answer = client.post("/v1/predict", json=CALL, headers=headers)
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:fenliu:problem:store-unavailable"
    assert "api_keys" not in answer.text


def test_keys_work_over_a_real_connection(serve: Serve, new_key: NewKey) -> None:
    headers = new_key("predict")
    url = f"http://{serve()}/v1/predict"
    assert httpx.post(url, json=CALL).status_code == 401
    answer = httpx.post(url, json=CALL, headers=headers)
    assert answer.status_code == 200
    assert "server" not in answer.headers
