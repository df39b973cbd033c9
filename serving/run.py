"""Run the service on one address until it is told to stop."""

import json
import socket

import uvicorn

from fenliu.errors import ConfigurationError
from serving.app import create_app
from serving.predict.schemas import CALL_EXAMPLE
from serving.server import server_config
from serving.settings import Settings
from serving.watch import logs
from serving.workers import run_workers


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are answered first.

    Raises ConfigurationError or StoreUnavailable, before anything listens, where it cannot start.
    """
    listener = _listen(settings.host, settings.port)
    with listener:
        logs.configure(settings.log_format, settings.log_level)
        if settings.workers > 1:
            run_workers(settings, listener, announce=lambda keys: _announce(settings, keys))
            return
        app = create_app(settings)
        _announce(settings, has_keys=app.state.ring.has_keys)
        uvicorn.Server(server_config(app, settings)).run(sockets=[listener])


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
    request = f"curl {address}/v1/predict {key}-H 'Content-Type: application/json' -d '{body}'"
    if logs.format_of(settings.log_format) == "json":
        # Whoever reads JSON lines gets nothing else.
        logs.event(
            "listening",
            address=address,
            workers=settings.workers,
            example=request,
            keys_needed=has_keys,
        )
        return
    print(
        f"Fenliu listens on {address}, its documentation is at {address}/docs. Try:\n  {request}",
        flush=True,
    )
    if not has_keys:
        print(
            "No key exists, so only this machine can call, and without one. Before others may, "
            "create one: fenliu keys create --name NAME --scope predict",
            flush=True,
        )
