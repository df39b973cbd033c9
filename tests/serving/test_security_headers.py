"""What browsers are told about every answer."""

import base64
import hashlib
import re

import pytest
from fastapi.testclient import TestClient

from tests.serving.conftest import NewKey


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/v1/taxonomy", "/v1/decisions/none", "/nowhere", "/docs", "/redoc", "/"],
)
def test_every_answer_may_only_be_shown_as_what_it_is(client: TestClient, path: str) -> None:
    answer = client.get(path, follow_redirects=False)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "access-control-allow-origin" not in answer.headers
    assert "server" not in answer.headers


def test_nothing_about_calls_is_cached(client: TestClient, new_key: NewKey, at_once: None) -> None:
    as_json = {"Content-Type": "application/json"}
    answers = [
        client.post("/v1/predict", json={"text": "楼上漏水"}),
        client.post("/v1/predict", content=b"{", headers=as_json),
        client.get("/v1/decisions/none"),
    ]
    new_key("read")
    answers.append(client.get("/v1/decisions/none"))
    assert [answer.status_code for answer in answers] == [200, 400, 404, 401]
    assert all(answer.headers["Cache-Control"] == "no-store" for answer in answers)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
def test_documentation_runs_its_own_scripts_and_no_others(client: TestClient, path: str) -> None:
    page = client.get(path)
    policy = dict(
        part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";")
    )
    assert "unsafe" not in policy["script-src"]
    for attributes, script in re.findall(r"<script([^>]*)>(.*?)</script>", page.text, re.DOTALL):
        source = re.search(r'src="([^"]+)"', attributes)
        if source:
            assert source[1].startswith("/static-offline-docs/")
            assert client.get(source[1]).status_code == 200
        else:
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy["script-src"]
    assert policy["connect-src"] == "'self'"


def test_openapi_says_that_a_key_is_needed_and_where_not(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    assert schema["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            assert ("security" in operation) == (path.startswith("/v1") or path == "/metrics"), path
            assert ({"401", "403", "429"} <= set(operation["responses"])) == (
                path.startswith("/v1") or path == "/metrics"
            )
