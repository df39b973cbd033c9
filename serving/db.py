"""The database: engines, migrations, and what is true of both SQLite and PostgreSQL.

SQLite runs in WAL mode with synchronous=FULL, so a committed decision survives a power cut.
"""

import logging
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, MetaData, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from fenliu.errors import ConfigurationError, StoreUnavailable

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_MIGRATIONS = Path(__file__).with_name("migrations")
_BUSY_MILLISECONDS = 10_000


def open_database(url: str) -> Engine:
    """Engine of a database that is at the newest schema.

    Raises ConfigurationError for a URL that cannot be used and StoreUnavailable where the database
    cannot be reached or written.
    """
    # Neither an error nor a log that is set to tell everything may show what a row carries.
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)
    try:
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise ConfigurationError(
            f"database_url cannot be used ({error}): write sqlite:///PATH or postgresql+psycopg://…"
        ) from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    try:
        _migrate(engine)
        _check_writable(engine)
    except DBAPIError as error:
        engine.dispose()
        raise unavailable(error, url) from error
    return engine


def unavailable(error: DBAPIError, url: str = "") -> StoreUnavailable:
    """The error for a database that failed, its address without a password."""
    place = f" {make_url(url).render_as_string()}" if url else ""
    reason = str(error.orig).strip().splitlines()[0] if error.orig else "no reason given"
    mend = "check that it runs, that its disk has room, and that this user may write to it"
    return StoreUnavailable(f"the database{place} cannot be used ({reason}): {mend}")


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        # Transactions are opened by `begin` below, not by the driver.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        # A writer that takes its lock late could find the database changed since it read.
        immediate = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with engine.execution_options(write=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _check_writable(engine: Engine) -> None:
    """Fail at the start, not at the first call, where the database is read-only."""
    with engine.execution_options(write=True).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")
