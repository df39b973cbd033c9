"""Settings of the service: environment variables FENLIU_*, or a file `.env`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from fenliu import paths


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
