from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres import fresh_url
from sqlalchemy import Connection, MetaData, inspect

from migrations.metadata import tables_of
from store.database import Database
from store.migrate import migrate


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = Database.at(fresh_url()) if request.param == "postgresql" else Database.embedded(tmp_path)
    yield database
    await database.close()


def differences(connection: Connection, wanted: MetaData) -> list[object]:
    ours = {*wanted.tables, "alembic_version"}
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    strangers = set(inspect(connection).get_table_names()) - ours
    assert not strangers
    return list(compare_metadata(context, wanted))


async def test_the_revisions_make_exactly_the_tables_of_the_code(database: Database) -> None:
    await migrate(database)
    one = database.rows is database.log_engine
    for engine, parts in ((database.rows, ["rows", "log"] if one else ["rows"]), (database.log_engine, ["log"])):
        if one and parts == ["log"]:
            continue
        async with engine.connect() as connection:
            assert await connection.run_sync(differences, tables_of(parts)) == []


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await migrate(database)
    await migrate(database)
