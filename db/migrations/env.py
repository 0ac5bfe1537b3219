"""Alembic's entry: runs on the connection that db.migrate hands over."""

from alembic import context

import db.unit_of_work  # noqa: F401  # imports every mapped table
from db.metadata import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=True)
with context.begin_transaction():
    context.run_migrations()
