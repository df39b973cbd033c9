"""Alembic's entry: runs on the connection that `serving.db` opened."""

from alembic import context

from serving.db import metadata
from serving.keys import models as key_models  # noqa: F401  registers its tables
from serving.predict import models  # noqa: F401  registers its tables
from serving.subscriptions import models as _subscriptions  # noqa: F401

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
