"""Tables of decisions."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from serving.db import metadata

# `body` is the decision as it was answered, the other columns are what is searched and counted.
# One call may have several decisions, one for each text; `supersedes` names the one before.
# `idempotency_key` is the sender's key of the request, `request_sha256` a digest of what it asked.
decisions = Table(
    "decisions",
    metadata,
    Column(
        "id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("decision_id", String(32), nullable=False, unique=True),
    Column("call_id", String(128)),
    Column("text_sha256", String(64), nullable=False),
    Column("supersedes", String(32)),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("occurred_at", DateTime(timezone=True)),
    Column("caller", String(64)),
    Column("location", String(256)),
    Column("text", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("owner", String(32), nullable=False),
    Column("type_code", String(16), nullable=False),
    Column("probability", Float, nullable=False),
    Column("model_version", String(64), nullable=False),
    Column("policy_version", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("idempotency_key", String(256), unique=True),
    Column("request_sha256", String(64)),
    Column("made_by", String(64)),
    UniqueConstraint("call_id", "text_sha256"),
    Index(None, "decided_at"),
    Index(None, "made_by", "decided_at"),
)
