"""The first form."""

from __future__ import annotations

from alembic import context, op

from migrations.metadata import tables_of

revision = "0001"
down_revision = None


def upgrade() -> None:
    tables_of(context.config.attributes["parts"]).create_all(op.get_bind(), checkfirst=False)
