"""The hot route must answer as the plain one does, byte for byte."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

HOT = {"Content-Type": "application/json", "X-Request-ID": "r-1"}
# A parameter of the media type is unusual enough to be left to the plain route.
PLAIN = HOT | {"Content-Type": "application/json; charset=utf-8"}
FIRST_HEADERS = ("content-length", "content-type", "retry-after")


def both(client: TestClient, body: bytes) -> tuple[Response, Response]:
    return (
        client.post("/v1/predict", content=body, headers=HOT),
        client.post("/v1/predict", content=body, headers=PLAIN),
    )


def same(client: TestClient, body: bytes) -> Response:
    hot, plain = both(client, body)
    assert hot.status_code == plain.status_code
    assert hot.content == plain.content
    assert {h: hot.headers.get(h) for h in FIRST_HEADERS} == {
        h: plain.headers.get(h) for h in FIRST_HEADERS
    }
    return hot


CALLS: list[dict[str, Any]] = [
    {"text": "电瓶车被偷", "call_id": "h-1"},
    {"text": "报警人称老板欠工钱不给", "call_id": "h-2", "caller": "甲", "location": "三号桥"},
    {"text": "有纠纷", "call_id": "h-3", "occurred_at": "2026-11-25T09:30:00+08:00"},
    {"text": "他拿刀要砍人😡", "call_id": "h-4", "occurred_at": None, "caller": None},
]


@pytest.mark.parametrize("call", CALLS)
def test_a_right_request(client: TestClient, call: dict[str, Any]) -> None:
    assert same(client, json.dumps(call, ensure_ascii=False).encode()).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"text": null}',
        b'{"text": 5}',
        b'{"text": ""}',
        b'{"text": "\\ud800"}',
        b'{"text": "\xff"}',
        b'{"text": "a\\u0000"}',
        b'{"text": "ab", "call_id": ""}',
        b'{"text": "ab", "call_id": "a\\u0000b"}',
        b'{"text": "ab", "call_id": "a\\u2028b"}',
        b'{"text": "ab", "caller": 5}',
        b'{"text": "ab", "unknown": 1}',
        b'{"text": "ab", "occurred_at": "2026-11-25"}',
        b'{"text": "ab", "occurred_at": "2026-11-25T09:30:00"}',
        b'{"text": "ab", "occurred_at": "2026-13-25T09:30:00Z"}',
        json.dumps({"text": "啊" * 10_001}).encode(),
        json.dumps({"text": "ab", "call_id": "x" * 129}).encode(),
    ],
)
def test_a_wrong_request(client: TestClient, body: bytes) -> None:
    hot, plain = both(client, body)
    assert (hot.status_code, hot.content) == (plain.status_code, plain.content)


times = st.sampled_from(
    ["2026-11-25T09:30:00Z", "2026-11-25 09:30:00+08:00", "2026-11-25T09:30Z", "0", "x", 5, 5.5]
)
values = st.one_of(st.none(), st.text(max_size=12), st.integers(), times)
objects = st.dictionaries(
    st.sampled_from(["text", "call_id", "occurred_at", "caller", "location", "other"]), values
)


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(objects)
def test_any_object(client: TestClient, call: dict[str, Any]) -> None:
    hot, plain = both(client, json.dumps(call).encode())
    assert hot.status_code == plain.status_code
    if hot.status_code != 200 or call.get("call_id") is not None:
        assert hot.content == plain.content


def test_other_methods_and_media_types_are_refused_as_ever(client: TestClient) -> None:
    assert client.get("/v1/predict").status_code == 405
    assert client.post("/v1/predict", data={"text": "吵架"}).status_code == 422
