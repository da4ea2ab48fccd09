"""Run by alembic with an open connection (``store/migrate.py``)."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from migrations.metadata import tables_of

connection: Connection = context.config.attributes["connection"]
parts: tuple[str, ...] = context.config.attributes["parts"]

context.configure(
    connection=connection,
    target_metadata=tables_of(parts),
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
