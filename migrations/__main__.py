"""Writes the next revision from what the code's tables say: ``python -m migrations "what changed"``.

Read what it wrote: a renamed column looks like one that went and one that came.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from migrations.metadata import tables_of
from store.database import Database
from store.migrate import Part, migrate

VERSIONS = Path(__file__).parent / "versions"
TEMPLATE = '''"""{message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "{revision}"
down_revision = {before}


def upgrade() -> None:
    parts: tuple[str, ...] = context.config.attributes["parts"]
    if "rows" in parts:
        _rows()
    if "log" in parts:
        _log()


def _rows() -> None:
    {rows}


def _log() -> None:
    {log}
'''


async def changes() -> dict[Part, str]:
    """The operations that lead from the revisions to the code's tables, as Python; ``pass`` where there are none."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database.embedded(Path(folder))
        try:
            await migrate(database)
            async with database.rows.connect() as rows, database.log_engine.connect() as log:
                return {"rows": await rows.run_sync(_changes, "rows"), "log": await log.run_sync(_changes, "log")}
        finally:
            await database.close()


def _changes(connection: Connection, part: Part) -> str:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    upgrade = produce_migrations(context, tables_of((part,))).upgrade_ops
    assert upgrade is not None
    code = render_python_code(upgrade, render_as_batch=True, migration_context=context)
    lines = [line for line in code.splitlines() if not line.strip().startswith("#")]
    return re.sub(r"store\.base\.Instant\([^)]*\)", "sa.DateTime(timezone=True)", "\n".join(lines)).strip()


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    code = asyncio.run(changes())
    if set(code.values()) == {"pass"}:
        print("the revisions already make the code's tables")
        return 0
    past = sorted(path.stem.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py"))
    revision = f"{len(past) + 1:04}"
    name = re.sub(r"\W+", "_", sys.argv[1].lower()).strip("_")[:40]
    path = VERSIONS / f"{revision}_{name}.py"
    before = f'"{past[-1]}"' if past else "None"
    path.write_text(TEMPLATE.format(message=sys.argv[1], revision=revision, before=before, **code))
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
