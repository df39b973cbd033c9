"""Settings of the service: environment variables FENLIU_*, or a file `.env`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AnyHttpUrl, BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from fenliu import paths

_lower = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)


class Settings(BaseSettings):
    """One object for all settings; no other module of the service reads the environment."""

    model_config = SettingsConfigDict(env_prefix="FENLIU_", env_file=".env", extra="ignore")

    bundle: Path = Field(paths.BUNDLE, description="Directory of the model bundle.")
    taxonomy: Path = Field(
        paths.TAXONOMY, description="The city's two lists; the bundle must be trained for them."
    )
    database_url: str = Field(
        f"sqlite:///{paths.HOME / 'fenliu.db'}",
        description="Where decisions are stored: SQLite by default, or postgresql+psycopg://…",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    max_body_bytes: int = Field(
        16 * 2**20, ge=1024, description="Largest request body in bytes; more is answered with 413."
    )
    queue_limit: int = Field(
        2000, ge=1, description="Decisions that may wait for the store; more are answered with 503."
    )
    workers: int = Field(
        1, ge=1, le=64, description="Processes that share the address and the database."
    )
    log_format: Annotated[Literal["json", "text"] | None, _lower] = Field(
        None, description="One of json, text; without it text in a terminal, else json."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], _lower] = Field(
        "info", description="What is logged from: debug, info, warning or error."
    )
    otlp_endpoint: AnyHttpUrl | None = Field(
        None, description="OpenTelemetry collector (OTLP over HTTP) for traces; none by default."
    )
    drift_seconds: float = Field(
        600, ge=0, description="Seconds from one computation of drift to the next; 0 for none."
    )
