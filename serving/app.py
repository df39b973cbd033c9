"""The composition root: everything that makes up the running service, in one list."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline

from fenliu import __version__
from fenliu.classifier import Classifier
from serving import health, problems
from serving.db import open_database
from serving.limits import BodyLimit
from serving.predict import api as predict_api
from serving.predict.log import DecisionLog
from serving.predict.service import PredictService
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
    log = DecisionLog(engine, settings.queue_limit)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        log.start()
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
    app.state.subscriptions = SubscriptionService(engine, targets)
    problems.install(app)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    app.include_router(predict_api.router)
    app.include_router(taxonomy_api.router)
    app.include_router(subscriptions_api.router)
    app.include_router(health.router)

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    return app
