"""Settings of the service: environment variables FENLIU_*, or a file `.env`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AnyHttpUrl, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from fenliu import paths
from fenliu.errors import ConfigurationError

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
    workers: int = Field(
        1, ge=1, le=64, description="Processes that share the address and the store."
    )
    shutdown_seconds: int = Field(
        30, ge=1, description="How long requests under way may take to end when the service stops."
    )
    max_body_bytes: int = Field(
        16 * 2**20, ge=1024, description="Largest request body in bytes; more is answered with 413."
    )
    queue_limit: int = Field(
        2000, ge=1, description="Decisions that may wait for the store; more are answered with 503."
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
    rate_limit_per_second: float = Field(
        500, gt=0, description="Calls a second that one key may send in the long run."
    )
    rate_limit_burst: int = Field(
        5000, ge=1, description="Calls that one key may send at once after a rest."
    )
    max_header_bytes: int = Field(
        32 * 2**10, ge=1024, description="Largest address with all headers; more is answered 431."
    )
    header_seconds: float = Field(
        10, gt=0, description="Seconds in which all headers must have come; then 408."
    )
    body_seconds: float = Field(
        30, gt=0, description="Seconds in which the body must have come after them; then 408."
    )
    answer_seconds: float = Field(
        60, gt=0, description="Seconds in which an answer must have begun; then 503."
    )
    webhook_allowed_hosts: str = Field(
        "",
        description="Hosts and networks that webhooks may go to, separated by commas; "
        "empty allows public addresses only.",
    )
    webhook_timeout_seconds: float = Field(
        10, gt=0, le=120, description="Time that a receiver has to take one webhook."
    )
    webhook_retry_hours: float = Field(
        72, gt=0, description="How long a webhook is retried before it is a dead letter."
    )


def load_settings(**given: Any) -> Settings:
    """The settings in force, some given by hand; raises ConfigurationError naming the wrong one."""
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"setting {name}: {first['msg']}") from None
