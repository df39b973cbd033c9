"""The HTTP server of an application, with its limits on connections."""

from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from serving.connection import ConnectionLimits, limited_connection
from serving.predict.schemas import STREAMED
from serving.settings import Settings

# A worker that loads its model on a busy machine is not hung.
_PATIENCE_SECONDS = 30


def server_config(app: FastAPI | Callable[[], FastAPI], settings: Settings) -> uvicorn.Config:
    """Configuration for an application, or for a function by which each worker makes its own."""
    limits = ConnectionLimits(
        max_head_bytes=settings.max_header_bytes,
        max_body_bytes=settings.max_body_bytes,
        head_seconds=settings.header_seconds,
        body_seconds=settings.body_seconds,
        streamed=STREAMED,
    )
    return uvicorn.Config(
        app,
        factory=not isinstance(app, FastAPI),
        workers=settings.workers,
        # uvicorn only ever calls it.
        http=limited_connection(limits),  # type: ignore[arg-type]
        ws="none",
        log_level="warning",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        timeout_worker_healthcheck=_PATIENCE_SECONDS,
    )
