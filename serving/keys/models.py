"""Table of API keys."""

from sqlalchemy import Column, DateTime, Index, Integer, String, Table

from serving.db import metadata

# Rows are never deleted: decisions name the key they were made with, and a service that once had a
# key must not fall back to answering everybody. `name` is the machine; it may have several keys.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key_id", String(16), nullable=False, unique=True),
    Column("name", String(64), nullable=False),
    Column("scopes", String(128), nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Index(None, "name"),
)
