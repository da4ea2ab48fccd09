"""Whole transactions in one go, beside sessions that work on the same file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from store.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database.embedded(tmp_path)
    async with database.begin() as rows, database.log() as log:
        for session in (rows, log):
            await session.execute(text("CREATE TABLE kept (word TEXT PRIMARY KEY)"))
    yield database
    await database.close()


def write(connection: Connection, word: str) -> None:
    connection.execute(text("INSERT INTO kept VALUES (:word)"), {"word": word})


def words(connection: Connection) -> list[str]:
    return list(connection.execute(text("SELECT word FROM kept ORDER BY word")).scalars())


async def test_what_is_written_is_there_for_everybody(database: Database) -> None:
    await database.writing.do(lambda connection: write(connection, "one"))
    assert await database.writing.do(words) == ["one"]
    async with database.log() as session:
        assert await (await session.connection()).run_sync(words) == ["one"]


async def test_work_that_fails_leaves_nothing_and_spoils_nothing(database: Database) -> None:
    def fail(connection: Connection) -> None:
        write(connection, "lost")
        raise LookupError

    with pytest.raises(LookupError):
        await database.writing.do(fail)
    await database.writing.do(lambda connection: write(connection, "kept"))
    assert await database.writing.do(words) == ["kept"]


async def test_reading_waits_for_no_writer_and_sees_what_was_committed(database: Database) -> None:
    async with database.begin() as session:
        connection = await session.connection()
        await connection.run_sync(write, "under way")
        async with asyncio.timeout(10):
            assert await database.reading.do(words) == []
    assert await database.reading.do(words) == ["under way"]


async def test_many_works_at_once_all_take_place(database: Database) -> None:
    await asyncio.gather(*(database.writing.do(lambda c, n=n: write(c, f"{n:03}")) for n in range(100)))
    assert await database.writing.do(words) == [f"{n:03}" for n in range(100)]
