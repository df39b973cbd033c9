"""The composition root: everything that makes up the running service, in one list."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline

from fenliu import __version__
from fenliu.classifier import Classifier
from serving import health, problems, shield
from serving.db import open_database
from serving.keys.gate import refuse_open_door
from serving.keys.ring import KeyRing
from serving.predict import api as predict_api
from serving.predict.log import DecisionLog
from serving.predict.service import PredictService
from serving.rate import RateLimiter
from serving.settings import Settings
from serving.taxonomy import api as taxonomy_api


def create_app(settings: Settings) -> FastAPI:
    """Build the service. Raises ConfigurationError or StoreUnavailable where it cannot start."""
    classifier = Classifier.load(settings.bundle, settings.taxonomy)
    engine = open_database(settings.database_url)
    ring = KeyRing(engine)
    refuse_open_door(settings.host, ring)
    log = DecisionLog(engine, settings.queue_limit)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        log.start()
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
    app.state.ring = ring
    app.state.limiter = RateLimiter(settings.rate_limit_per_second, settings.rate_limit_burst)
    problems.install(app)
    shield.install(app, settings)
    app.include_router(predict_api.router, responses=shield.REFUSALS)
    app.include_router(taxonomy_api.router, responses=shield.REFUSALS)
    app.include_router(health.router)

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    return app
