"""Idempotency keys of requests."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("decisions") as table:
        table.add_column(sa.Column("idempotency_key", sa.String(256)))
        table.add_column(sa.Column("request_sha256", sa.String(64)))
        table.create_unique_constraint("uq_decisions_idempotency_key", ["idempotency_key"])


def downgrade() -> None:
    with op.batch_alter_table("decisions") as table:
        table.drop_constraint("uq_decisions_idempotency_key", type_="unique")
        table.drop_column("request_sha256")
        table.drop_column("idempotency_key")
