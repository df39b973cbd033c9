from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.settings import Settings


@pytest.fixture
def settings(bundle_path: Path, tmp_path: Path) -> Settings:
    return Settings(bundle=bundle_path, database_url=f"sqlite:///{tmp_path / 'fenliu.db'}")


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client
