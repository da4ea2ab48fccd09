"""Numbers run from 01 each year, one series per kind and body, and no two papers share one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from postgres import fresh_url, open_database
from sqlalchemy import select

from documents.numbering import NumberRow, NumberTaken, Series, following, give, series
from store.database import Database
from store.migrate import migrate

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
MINUTES = Series("office", "BB", 2026)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Database]:
    database = open_database(f"sqlite:{tmp_path}" if request.param == "sqlite" else fresh_url())
    await migrate(database)
    yield database
    await database.close()


async def take(database: Database, of: Series, subject: str) -> int:
    """Takes the number that follows, however many others want it."""
    for _ in range(100):
        try:
            async with database.begin() as session:
                number = await following(session, of)
                await give(session, of, number, subject, NOW)
                return number
        except NumberTaken:
            continue
    raise AssertionError("no number in a hundred attempts")


async def test_the_first_paper_of_a_series_is_01_and_the_next_follow(database: Database):
    assert [await take(database, MINUTES, f"m{n}") for n in range(3)] == [1, 2, 3]


async def test_each_kind_body_and_year_has_a_series_of_its_own(database: Database):
    await take(database, MINUTES, "m1")
    for other in (Series("office", "GM", 2026), Series("province", "BB", 2026), Series("office", "BB", 2027)):
        assert await take(database, other, "m1") == 1


async def test_the_year_is_that_of_vietnam():
    assert series("office", "BB", datetime(2026, 12, 31, 16, 59, tzinfo=UTC)).year == 2026
    assert series("office", "BB", datetime(2026, 12, 31, 17, 0, tzinfo=UTC)).year == 2027


async def test_papers_approved_at_the_same_time_get_different_numbers_without_gaps(database: Database):
    taken = await asyncio.gather(*(take(database, MINUTES, f"m{n}") for n in range(12)))
    assert sorted(taken) == list(range(1, 13))


async def test_a_transaction_that_fails_gives_its_number_back(database: Database):
    with suppress(RuntimeError):
        async with database.begin() as session:
            await give(session, MINUTES, 1, "m1", NOW)
            raise RuntimeError
    assert await take(database, MINUTES, "m2") == 1


@pytest.mark.parametrize("number", [1, 3])
async def test_only_the_number_that_follows_is_given(database: Database, number: int):
    await take(database, MINUTES, "m1")
    with pytest.raises(NumberTaken):
        async with database.begin() as session:
            await give(session, MINUTES, number, "m2", NOW)
    async with database.begin() as session:
        assert [row.subject for row in await session.scalars(select(NumberRow))] == ["m1"]
