"""The table of API keys, and with which key a decision was made."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("scopes", sa.String(128), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("key_id", name="uq_api_keys_key_id"),
    )
    op.create_index("ix_api_keys_name", "api_keys", ["name"])
    op.add_column("decisions", sa.Column("made_by", sa.String(64)))
    # `fenliu keys list` asks for the latest decision of each key.
    op.create_index("ix_decisions_made_by_decided_at", "decisions", ["made_by", "decided_at"])


def downgrade() -> None:
    op.drop_index("ix_decisions_made_by_decided_at", "decisions")
    op.drop_column("decisions", "made_by")
    op.drop_table("api_keys")
