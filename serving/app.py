"""The composition root: everything that makes up the running service, in one list."""

import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline

from fenliu import __version__
from fenliu.classifier import Classifier
from serving import health, problems, shield
from serving.bundle_watch import BundleWatch
from serving.db import open_database
from serving.keys.gate import refuse_open_door
from serving.keys.ring import KeyRing
from serving.policy import api as policy_api
from serving.predict import api as predict_api
from serving.predict import stream as predict_stream
from serving.predict.hot import HotRoute
from serving.predict.log import DecisionLog
from serving.predict.service import PredictService
from serving.rate import RateLimiter
from serving.settings import Settings
from serving.subscriptions import api as subscriptions_api
from serving.subscriptions.service import SubscriptionService
from serving.subscriptions.targets import TargetRules
from serving.subscriptions.worker import delivery_worker
from serving.taxonomy import api as taxonomy_api
from serving.watch import api as watch_api
from serving.watch import logs
from serving.watch.drift import DriftWatch
from serving.watch.metrics import Metrics
from serving.watch.traces import start_tracing

# FastAPI's own telemetry would write paths, query strings and the messages of errors.
_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}


def create_app(settings: Settings, shared_metrics: Path | None = None) -> FastAPI:
    """Build the service. Raises ConfigurationError or StoreUnavailable where it cannot start.

    `shared_metrics` is the folder in which several workers of one service add up their metrics.
    """
    metrics = Metrics(shared_metrics)
    tracing = start_tracing(settings.otlp_endpoint) if settings.otlp_endpoint else None
    classifier = Classifier.load(settings.bundle, settings.taxonomy)
    targets = TargetRules.parse(settings.webhook_allowed_hosts)
    engine = open_database(settings.database_url)
    ring = KeyRing(engine)
    refuse_open_door(settings.host, ring)
    log = DecisionLog(engine, settings.queue_limit, metrics)
    predict = PredictService(classifier, log, engine, metrics)
    metrics.describe(lambda: predict.classifier.bundle)
    drift = DriftWatch(engine, lambda: predict.classifier.bundle, metrics, settings.drift_seconds)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        bundle = classifier.bundle
        logs.event(
            "started",
            pid=os.getpid(),
            model_version=bundle.model_version,
            policy_version=bundle.policy_version,
            taxonomy_version=bundle.taxonomy.version,
        )
        log.start()
        drift.start()
        # What was loaded stays: the collector need not walk it again during requests.
        gc.collect()
        gc.freeze()
        async with delivery_worker(engine, targets, settings).running():
            yield
        drift.stop()
        log.stop()
        engine.dispose()
        if tracing:
            tracing.shutdown()
        logs.event("stopped", pid=os.getpid())

    app = FastAPIOffline(
        title="Fenliu 分流",
        version=__version__,
        description="110 警情分类与分流服务。",
        lifespan=lifespan,
        telemetry=_NO_TELEMETRY,
    )
    app.state.engine = engine
    app.state.metrics = metrics
    app.state.predict = predict
    app.state.bundle_watch = BundleWatch(classifier.bundle)
    app.state.subscriptions = SubscriptionService(engine, targets)
    app.state.ring = ring
    app.state.limiter = RateLimiter(settings.rate_limit_per_second, settings.rate_limit_burst)
    problems.install(app)
    app.add_middleware(HotRoute, service=predict)
    shield.install(app, settings, tracing)
    for router in (
        predict_api.router,
        predict_stream.router,
        taxonomy_api.router,
        policy_api.router,
        subscriptions_api.router,
    ):
        app.include_router(router, responses=shield.REFUSALS)
    app.include_router(health.router)
    app.include_router(watch_api.router, responses=shield.REFUSALS)

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    return app
