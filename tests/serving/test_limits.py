"""One request cannot hold the service for as long as it likes."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from serving.app import create_app
from serving.db import open_database
from serving.predict.models import decisions
from serving.settings import Settings
from tests.serving.conftest import Serve

TEXT = "报警人称老板欠三个月工钱不给"
LONG_BATCH = {"calls": [{"text": "楼上漏水，找他他不理。" * 200}] * 100}


def test_others_are_answered_while_a_long_batch_is_decided(serve: Serve) -> None:
    url = f"http://{serve()}"
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=url, timeout=120) as client:
        batch = pool.submit(httpx.post, f"{url}/v1/predict/batch", json=LONG_BATCH, timeout=120)
        for _ in range(3):
            assert client.post("/v1/predict", json={"text": TEXT}).status_code == 200
        assert not batch.done()
        assert batch.result().status_code == 200


def test_a_batch_that_takes_too_long_is_given_up_and_not_stored(
    serve: Serve, settings: Settings
) -> None:
    url = f"http://{serve(answer_seconds=0.5)}/v1/predict/batch"
    answer = httpx.post(url, json=LONG_BATCH, timeout=120)
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:fenliu:problem:timed-out"
    engine = open_database(settings.database_url)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(decisions)).scalar() == 0
    engine.dispose()


def test_an_answer_that_does_not_come_is_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried = settings.model_copy(update={"answer_seconds": 0.2})
    with TestClient(create_app(hurried)) as client:
        service = client.app.state.predict  # type: ignore[attr-defined]

        async def never(*_: object) -> NoReturn:
            await asyncio.sleep(3600)
            raise AssertionError

        monkeypatch.setattr(service, "decide", never)
        answer = client.post("/v1/predict", json={"text": TEXT})
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:fenliu:problem:timed-out"
    assert answer.headers["Retry-After"]
