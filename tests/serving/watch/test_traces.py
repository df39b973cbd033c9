import gzip
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fenliu.paths import HOME
from serving.settings import Settings
from tests.serving.watch.running import Start

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector(ThreadingHTTPServer):
    """An OpenTelemetry collector that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.paths: list[str] = []
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> list[dict[str, Any]]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            {
                "name": span.name,
                "trace_id": span.trace_id.hex(),
                "parent": span.parent_span_id.hex(),
                "failed": span.status.code == 2,
                "kind": span.kind,
                "service": {a.key: a.value.string_value for a in resource.resource.attributes},
                **{a.key: a.value.string_value or a.value.int_value for a in span.attributes},
            }
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        packed = self.headers.get("Content-Encoding") == "gzip"
        self.server.paths.append(self.path)
        self.server.bodies.append(gzip.decompress(body) if packed else body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_requests_become_spans_without_what_was_said(start: Start, collector: Collector) -> None:
    service = start(FENLIU_OTLP_ENDPOINT=collector.url)
    url = f"{service.url}/v1/predict?caller=13800138000"
    answer = httpx.post(url, json={"text": "电瓶车被偷"}, headers={"traceparent": PARENT})
    httpx.get(f"{service.url}/v1/decisions/13800138000", headers={"X-Request-ID": "i-1"})
    service.stop()
    assert set(collector.paths) == {"/v1/traces"}
    predict, missing = collector.spans()[-2:]
    assert predict["name"] == "POST /v1/predict"
    assert predict["service"]["service.name"] == "fenliu"
    assert predict["http.route"] == "/v1/predict"
    assert predict["http.response.status_code"] == 200
    assert predict["fenliu.decision_id"] == answer.json()["decision_id"]
    assert predict["fenliu.action"] == answer.json()["action"]
    assert (predict["trace_id"], predict["parent"]) == tuple(PARENT.split("-")[1:3])
    assert missing["name"] == "GET /v1/decisions/{decision_id}"
    assert (missing["http.response.status_code"], missing["fenliu.request_id"]) == (404, "i-1")
    assert not missing["failed"]
    assert service.events("request")[-1]["trace_id"] == missing["trace_id"]
    for body in collector.bodies:
        assert b"13800138000" not in body
        assert "电瓶车".encode() not in body


def test_a_failure_is_a_failed_span(start: Start, collector: Collector, tmp_path: Path) -> None:
    service = start(FENLIU_OTLP_ENDPOINT=f"{collector.url}/v1/traces")
    with sqlite3.connect(tmp_path / "fenliu.db") as connection:
        connection.execute("DROP TABLE decisions")
    service.post("吵架")
    service.stop()
    assert collector.paths[-1] == "/v1/traces"
    assert collector.spans()[-1]["failed"]


def test_several_workers_send_spans(start: Start, collector: Collector) -> None:
    service = start(FENLIU_OTLP_ENDPOINT=collector.url, FENLIU_WORKERS="2")
    for _ in range(20):
        service.post("吵架")
    service.stop()
    assert [span["name"] for span in collector.spans()].count("POST /v1/predict") == 20


def test_nothing_is_sent_that_was_not_asked_for(start: Start, collector: Collector) -> None:
    """FastAPI can send traces, and the messages of errors, by itself."""
    service = start(FASTAPI_OTEL_AUTO_CONFIGURE="true", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    service.post("吵架")
    service.stop()
    assert collector.paths == []


def test_a_collector_that_is_down_disturbs_nobody(start: Start) -> None:
    service = start(FENLIU_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert service.post("吵架").status_code == 200
    service.stop()
    assert service.events("stopped")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_without_the_extra_the_start_fails_in_one_line(
    bundle_path: Path, tmp_path: Path, workers: str
) -> None:
    program = (
        "import sys; sys.modules['opentelemetry.exporter'] = None; "
        "from fenliu.cli import main; main()"
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = str(listener.getsockname()[1])
    environment = os.environ | {
        "FENLIU_BUNDLE": str(bundle_path),
        "FENLIU_DATABASE_URL": f"sqlite:///{tmp_path}/f.db",
        "FENLIU_OTLP_ENDPOINT": "http://127.0.0.1:4318",
        "FENLIU_WORKERS": workers,
    }
    done = subprocess.run(
        [sys.executable, "-c", program, "serve", "--port", port],
        env=environment,
        cwd=HOME,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "uv sync --extra telemetry" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="otlp_endpoint"):
        Settings(otlp_endpoint="collector")
