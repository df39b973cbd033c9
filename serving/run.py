"""Run the service on one address until it is told to stop."""

import json
import os
import socket

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from fenliu.errors import ConfigurationError
from serving.app import create_app
from serving.connection import ConnectionLimits, limited_connection
from serving.predict.schemas import CALL_EXAMPLE, STREAMED
from serving.settings import Settings, load_settings


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are answered first.

    Raises ConfigurationError or StoreUnavailable, before anything listens, where it cannot start.
    """
    listener = _listen(settings.host, settings.port)
    with listener:
        # Also with several workers: a mistake is told once, and the schema is made by one process.
        app = create_app(settings)
        _announce(settings, has_keys=app.state.ring.has_keys)
        if settings.workers == 1:
            uvicorn.Server(server_config(app, settings)).run(sockets=[listener])
        else:
            _run_workers(settings, listener)


def worker_app() -> FastAPI:
    """The application of one of several worker processes, which inherits the settings."""
    return create_app(load_settings())


def _run_workers(settings: Settings, listener: socket.socket) -> None:
    os.environ |= {
        f"FENLIU_{name.upper()}": str(value)
        for name, value in settings.model_dump(mode="json", exclude_none=True).items()
    }
    config = server_config("serving.run:worker_app", settings)
    Multiprocess(config, sockets=[listener]).run()


def server_config(app: FastAPI | str, settings: Settings) -> uvicorn.Config:
    """The HTTP server of an application, or of the name of one, with its limits on connections."""
    limits = ConnectionLimits(
        max_head_bytes=settings.max_header_bytes,
        max_body_bytes=settings.max_body_bytes,
        head_seconds=settings.header_seconds,
        body_seconds=settings.body_seconds,
        streamed=STREAMED,
    )
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=settings.workers,
        http=limited_connection(limits),
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({error.strerror}): choose another with --port"
        ) from None
    return listener


def _announce(settings: Settings, has_keys: bool) -> None:
    address = f"http://{settings.host}:{settings.port}"
    body = json.dumps({"text": CALL_EXAMPLE["text"]}, ensure_ascii=False)
    key = '-H "Authorization: Bearer $FENLIU_KEY" ' if has_keys else ""
    print(
        f"Fenliu listens on {address}, its documentation is at {address}/docs. Try:\n"
        f"  curl {address}/v1/predict {key}-H 'Content-Type: application/json' -d '{body}'",
        flush=True,
    )
    if not has_keys:
        print(
            "No key exists, so only this machine can call, and without one. Before others may, "
            "create one: fenliu keys create --name NAME --scope predict",
            flush=True,
        )
