"""One key cannot take the service away from the others."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.rate import Bucket
from serving.settings import Settings
from tests.serving.conftest import NewKey

CALL = {"text": "报警人称老板欠三个月工钱不给"}


@pytest.fixture
def slow(settings: Settings) -> Settings:
    """Three calls, and then one in some fifteen minutes."""
    return settings.model_copy(update={"rate_limit_per_second": 0.001, "rate_limit_burst": 3})


@pytest.fixture
def slow_client(slow: Settings, at_once: None) -> Iterator[TestClient]:
    with TestClient(create_app(slow)) as client:
        yield client


def test_a_key_that_asks_too_much_is_told_when_to_come_again(
    slow_client: TestClient, new_key: NewKey
) -> None:
    greedy, other = new_key("predict", name="a"), new_key("predict", name="b")
    answers = [slow_client.post("/v1/predict", json=CALL, headers=greedy) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"calls";q=3;w=3000'
    assert answers[0].headers["RateLimit"].startswith('"calls";r=2;t=')
    refused = answers[-1]
    assert refused.json()["type"] == "urn:fenliu:problem:rate-limited"
    assert 900 < int(refused.headers["Retry-After"]) <= 1000
    assert refused.headers["RateLimit"].startswith('"calls";r=0;t=')
    assert slow_client.post("/v1/predict", json=CALL, headers=other).status_code == 200
    assert slow_client.get("/healthz").status_code == 200


def test_a_batch_counts_its_calls(slow_client: TestClient, new_key: NewKey) -> None:
    headers = new_key("predict")
    batch = slow_client.post("/v1/predict/batch", json={"calls": [CALL] * 50}, headers=headers)
    assert batch.status_code == 200
    refused = slow_client.post("/v1/predict", json=CALL, headers=headers)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 47_000


def test_refused_requests_count_too(slow_client: TestClient, new_key: NewKey) -> None:
    headers = new_key("read")
    statuses = [
        slow_client.post("/v1/predict", json=CALL, headers=headers).status_code for _ in range(4)
    ]
    assert statuses == [403, 403, 403, 429]


def test_without_keys_there_is_no_limit(slow_client: TestClient) -> None:
    assert all(slow_client.post("/v1/predict", json=CALL).status_code == 200 for _ in range(5))


def test_a_bucket_fills_again_and_not_beyond_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("serving.rate.time.monotonic", lambda: now)
    bucket = Bucket(per_second=2, burst=4)
    assert [bucket.take() for _ in range(5)] == [True] * 4 + [False]
    now += 0.5
    assert [bucket.take(), bucket.take()] == [True, False]
    now += 3600
    assert [bucket.take() for _ in range(5)] == [True] * 4 + [False]
    bucket.owe(10)
    assert bucket.seconds_to_next == 6
    now += 6
    assert bucket.take()
