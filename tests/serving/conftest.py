import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.db import open_database
from serving.keys import ring
from serving.keys.service import create_key
from serving.server import server_config
from serving.settings import Settings

Headers = dict[str, str]
NewKey = Callable[..., Headers]
Serve = Callable[..., str]


@pytest.fixture
def settings(bundle_path: Path, tmp_path: Path) -> Settings:
    return Settings(bundle=bundle_path, database_url=f"sqlite:///{tmp_path / 'fenliu.db'}")


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture
def new_key(settings: Settings) -> NewKey:
    """Create a key in the database of the test; gives the headers to call with."""

    def create(*scopes: str, name: str = "dispatch", days: int | None = None) -> Headers:
        engine = open_database(settings.database_url)
        token, _ = create_key(engine, name, scopes or ("predict",), days)
        engine.dispose()
        return {"Authorization": f"Bearer {token.text()}"}

    return create


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are read again for each request, so that a test need not wait."""
    monkeypatch.setattr(ring, "REFRESH_SECONDS", 0.0)


@pytest.fixture
def serve(settings: Settings) -> Iterator[Serve]:
    """Serve over a real socket with some settings changed; gives host:port."""
    with ExitStack() as stack:

        def start(**changed: Any) -> str:
            return stack.enter_context(_served(settings.model_copy(update=changed)))

        yield start


@contextmanager
def _served(settings: Settings) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(server_config(create_app(settings), settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
