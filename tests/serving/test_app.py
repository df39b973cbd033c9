import stat
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from fenliu import paths
from fenliu.errors import BundleError, ConfigurationError, StoreUnavailable
from fenliu.taxonomy import load_taxonomy
from serving.app import create_app
from serving.db import open_database
from serving.settings import Settings


def test_it_is_alive_and_ready_and_says_what_is_in_force(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    decision = client.post("/v1/predict", json={"text": "电瓶车被偷"}).json()
    assert ready.json()["model_version"] == decision["model_version"]
    assert ready.json()["policy_version"] == decision["policy_version"]


def test_a_lost_store_makes_it_unready_and_answers_503(
    settings: Settings, client: TestClient
) -> None:
    engine = client.app.state.engine  # type: ignore[attr-defined]
    with engine.execution_options(write=True).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE decisions RENAME TO gone")
    for answer in (client.get("/readyz"), client.post("/v1/predict", json={"text": "吵架"})):
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:fenliu:problem:store-unavailable"
        assert answer.headers["Retry-After"]
        assert "吵架" not in answer.text
    assert client.get("/healthz").status_code == 200
    with engine.execution_options(write=True).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO decisions")
    assert client.get("/readyz").status_code == 200
    assert client.post("/v1/predict", json={"text": "吵架"}).status_code == 200


def test_the_lists_are_served_whole(client: TestClient) -> None:
    served = client.get("/v1/taxonomy").json()
    taxonomy = load_taxonomy(paths.TAXONOMY)
    assert served["version"] == taxonomy.version
    types = [kind for category in served["categories"] for kind in category["types"]]
    assert [kind["code"] for kind in types] == [kind.code for kind in taxonomy.types]
    assert all(kind["definition"] and kind["department"] and kind["term"] for kind in types)


def test_the_documentation_needs_no_other_host(client: TestClient) -> None:
    page = client.get("/").text
    assert "swagger-ui" in page
    assert "http://" not in page.replace("http://testserver", "")
    assert "https://" not in page
    script = client.get("/static-offline-docs/swagger-ui-bundle.js")
    assert script.status_code == 200


def test_openapi_has_chinese_examples(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    example = schema["components"]["schemas"]["CallIn"]["examples"][0]["text"]
    assert example == "报警人称老板欠三个月工钱不给"
    assert {
        "/v1/predict",
        "/v1/predict/batch",
        "/v1/decisions/{decision_id}",
        "/v1/taxonomy",
        "/healthz",
        "/readyz",
    } <= set(schema["paths"])


def test_a_wrong_method_or_path_is_a_problem_too(client: TestClient) -> None:
    assert client.get("/v1/predict").json()["status"] == 405
    assert client.get("/nowhere").headers["Content-Type"] == "application/problem+json"


def test_a_missing_bundle_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no model bundle"):
        create_app(settings.model_copy(update={"bundle": tmp_path / "none"}))


def test_another_citys_lists_stop_the_start(settings: Settings, tmp_path: Path) -> None:
    changed = tmp_path / "taxonomy.yaml"
    lists = paths.TAXONOMY.read_text(encoding="utf-8").replace('code: "0101"', 'code: "0199"')
    changed.write_text(lists, encoding="utf-8")
    with pytest.raises(BundleError, match="retrain"):
        create_app(settings.model_copy(update={"taxonomy": changed}))


def test_a_read_only_database_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "fenliu.db"
    open_database(f"sqlite:///{path}").dispose()
    with pytest.raises(StoreUnavailable, match="may write to it"):
        open_database(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert path.stat().st_mode & stat.S_IRUSR


@pytest.mark.parametrize("url", ["nonsense", "oracle://x", "sqlite:////no/such/folder/f.db"])
def test_an_unusable_database_is_one_clear_line(url: str) -> None:
    with pytest.raises((ConfigurationError, StoreUnavailable)) as caught:
        open_database(url)
    assert "\n" not in str(caught.value)


def test_an_error_does_not_show_the_database_password(tmp_path: Path) -> None:
    with pytest.raises((ConfigurationError, StoreUnavailable)) as caught:
        open_database("postgresql+psycopg://fenliu:geheim@127.0.0.1:1/fenliu")
    assert "geheim" not in str(caught.value)
