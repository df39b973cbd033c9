"""The composition root: everything that makes up the running service, in one list."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
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


def create_app(settings: Settings) -> FastAPI:
    """Build the service. Raises ConfigurationError or StoreUnavailable where it cannot start."""
    classifier = Classifier.load(settings.bundle, settings.taxonomy)
    targets = TargetRules.parse(settings.webhook_allowed_hosts)
    engine = open_database(settings.database_url)
    ring = KeyRing(engine)
    refuse_open_door(settings.host, ring)
    log = DecisionLog(engine, settings.queue_limit)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        log.start()
        # What was loaded stays: the collector need not walk it again during requests.
        gc.collect()
        gc.freeze()
        async with delivery_worker(engine, targets, settings).running():
            yield
        log.stop()
        engine.dispose()

    app = FastAPIOffline(
        title="Fenliu 分流",
        version=__version__,
        description="110 警情分类与分流服务。",
        lifespan=lifespan,
    )
    app.state.engine = engine
    app.state.predict = PredictService(classifier, log, engine)
    app.state.bundle_watch = BundleWatch(classifier.bundle)
    app.state.subscriptions = SubscriptionService(engine, targets)
    app.state.ring = ring
    app.state.limiter = RateLimiter(settings.rate_limit_per_second, settings.rate_limit_burst)
    problems.install(app)
    app.add_middleware(HotRoute, service=app.state.predict)
    shield.install(app, settings)
    for router in (
        predict_api.router,
        predict_stream.router,
        taxonomy_api.router,
        policy_api.router,
        subscriptions_api.router,
    ):
        app.include_router(router, responses=shield.REFUSALS)
    app.include_router(health.router)

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    return app
