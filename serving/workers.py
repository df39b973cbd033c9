"""Several worker processes on one address: started, watched and replaced by a parent.

The workers share the listening socket and the database. Their metrics meet in a folder that the
parent makes before it starts them and removes when all have ended. SIGHUP replaces the workers one
after the other, each with what the bundle's directory holds by then.
"""

import logging
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from socket import socket

import uvicorn
from fastapi import FastAPI
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from fenliu.classifier import Classifier
from fenliu.errors import FenliuError
from serving.app import create_app
from serving.db import open_database
from serving.keys.gate import refuse_open_door
from serving.keys.ring import KeyRing
from serving.server import server_config
from serving.settings import Settings
from serving.watch import logs
from serving.watch.traces import start_tracing

# prometheus-client looks it up when a worker imports it.
_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def run_workers(settings: Settings, listener: socket, announce: Callable[[bool], None]) -> None:
    """Serve with several workers until SIGINT or SIGTERM.

    `announce` is called before the first is started, and told whether there are keys.

    Raises ConfigurationError or StoreUnavailable, before any worker is started, where they could
    not work. The database is brought to the newest schema by then, so that workers do not race.
    """
    Classifier.load(settings.bundle, settings.taxonomy)
    engine = open_database(settings.database_url)
    ring = KeyRing(engine)
    refuse_open_door(settings.host, ring)
    engine.dispose()
    if settings.otlp_endpoint:
        start_tracing(settings.otlp_endpoint).shutdown()
    with tempfile.TemporaryDirectory(prefix="fenliu-metrics-") as folder:
        os.environ[_FOLDER_VARIABLE] = folder
        config = server_config(partial(_worker, settings, Path(folder)), settings)
        announce(ring.has_keys)
        _Workers(config, [listener], Path(folder)).run()


def _worker(settings: Settings, folder: Path) -> FastAPI:
    """The application of one worker."""
    logs.configure(settings.log_format, settings.log_level)
    try:
        return create_app(settings, folder)
    except FenliuError as error:
        logs.event("worker_failed", logging.CRITICAL, fault=error)
        sys.exit(STARTUP_FAILURE)


class _Workers(Multiprocess):
    """uvicorn's parent process, which also forgets the gauges of workers that have ended."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket], folder: Path) -> None:
        super().__init__(config, sockets)
        self._folder = folder
        self._alive: set[int] = set()

    def keep_subprocess_alive(self) -> None:
        super().keep_subprocess_alive()
        alive = {process.pid for process in self.processes if process.pid is not None}
        for ended in self._alive - alive:
            mark_process_dead(ended, str(self._folder))
            logs.event("worker_replaced", logging.WARNING, pid=ended)
        self._alive = alive
