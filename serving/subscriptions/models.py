"""Tables of subscriptions and of what is to be delivered to them."""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from serving.db import metadata

_KEY = BigInteger().with_variant(Integer, "sqlite")
_PENDING = text("state = 'pending'")

# `event_types` are separated by spaces; null takes all, those of later versions too.
# The secret is kept as it is, for a signature cannot be made from a digest of it.
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", _KEY, primary_key=True, autoincrement=True),
    Column("subscription_id", String(32), nullable=False, unique=True),
    Column("url", String(2048), nullable=False),
    Column("event_types", Text),
    Column("description", String(256)),
    Column("secret", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

# `body` is the event as it is sent. A row belongs to the worker that leased it until its lease
# ends; `retrying_since` is when it was published, replayed or its subscription resumed.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _KEY, primary_key=True, autoincrement=True),
    Column("delivery_id", String(32), nullable=False, unique=True),
    Column(
        "subscription_id",
        String(32),
        ForeignKey("subscriptions.subscription_id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("event_id", String(32), nullable=False),
    Column("event_type", String(64), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("retrying_since", DateTime(timezone=True), nullable=False),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False),
    Column("leased_by", String(32)),
    Column("leased_until", DateTime(timezone=True)),
    Column("last_status", Integer),
    Column("last_error", String(32)),
    Column("settled_at", DateTime(timezone=True)),
    Index("ix_deliveries_state", "subscription_id", "state", "id"),
    Index(
        "ix_deliveries_due",
        "subscription_id",
        "next_attempt_at",
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    ),
    Index(
        "ix_deliveries_order",
        "subscription_id",
        "subject",
        "id",
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    ),
)


def in_utc(stored: datetime) -> datetime:
    """A stored time; SQLite gives it back without a zone, PostgreSQL in that of the session."""
    return stored.astimezone(UTC) if stored.tzinfo else stored.replace(tzinfo=UTC)
