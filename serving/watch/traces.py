"""Traces of requests to an OpenTelemetry collector; off, and not imported, without an address.

A span holds the route as it was declared, the status, the request's id and the decision: no path,
no query string, no address of a client, and no message of an error.
"""

from typing import TYPE_CHECKING

from pydantic import AnyHttpUrl
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fenliu import __version__
from fenliu.errors import ConfigurationError
from serving.watch import logs
from serving.watch.requests import route_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_PATH = "/v1/traces"
# A collector that is down delays the end of the service by no more than this.
_PATIENCE_SECONDS = 3
_NOTED = ("request_id", "decision_id", "action")


def start_tracing(endpoint: AnyHttpUrl) -> "TracerProvider":
    """Send spans to the collector at `endpoint`, from a thread of its own.

    Raises ConfigurationError where the extra `telemetry` is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigurationError(
            "setting otlp_endpoint is given, but OpenTelemetry is not installed: install the extra "
            "with `uv sync --extra telemetry`, or unset FENLIU_OTLP_ENDPOINT"
        ) from error
    address = str(endpoint).rstrip("/")
    if not address.endswith(_PATH):
        address += _PATH
    service = Resource.create({"service.name": "fenliu", "service.version": __version__})
    provider = TracerProvider(resource=service)
    exporter = OTLPSpanExporter(endpoint=address, timeout=_PATIENCE_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class Traces:
    """ASGI middleware that makes each request a span, below the caller's span if it names one."""

    def __init__(self, app: ASGIApp, tracer: "Tracer") -> None:
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._app = app
        self._tracer = tracer
        self._kind = SpanKind.SERVER
        self._extract = TraceContextTextMapPropagator().extract

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def seen_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in (b"traceparent", b"tracestate")
        }
        with self._tracer.start_as_current_span(
            scope["method"],
            context=self._extract(carrier),
            kind=self._kind,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            logs.note(trace_id=f"{span.get_span_context().trace_id:032x}")
            try:
                await self._app(scope, receive, seen_send)
            except Exception as error:
                span.set_attribute("error.type", type(error).__qualname__)
                # The outermost middleware answers it.
                status = status or 500
                raise
            finally:
                _describe(span, scope, status)


def _describe(span: "Span", scope: Scope, status: int) -> None:
    from opentelemetry.trace import StatusCode

    route = route_of(scope)
    span.update_name(f"{scope['method']} {route}")
    span.set_attribute("http.request.method", scope["method"])
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    for name, value in logs.noted(*_NOTED).items():
        span.set_attribute(f"fenliu.{name}", value)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
