from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from office import START, empty_databases
from postgres import fresh_url

from store.database import Database
from store.migrate import migrate
from web.attempts import PER_ACCOUNT, WINDOW, count, wait
from web.errors import TooManyAttempts


def test_one_waits_until_the_oldest_attempt_that_counts_leaves_the_window() -> None:
    earlier = [START + timedelta(minutes=n) for n in range(5)]
    assert wait(earlier, 6, START) == 0
    assert wait(earlier, 5, START + timedelta(minutes=4)) == (WINDOW - timedelta(minutes=4)).total_seconds()
    assert wait(list(reversed(earlier)), 3, START + timedelta(minutes=4)) == 13 * 60
    assert wait(earlier, 5, START + WINDOW - timedelta(milliseconds=1)) == 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_trying_in_parallel_gives_no_more_attempts(kind: str, tmp_path: Path) -> None:
    if kind == "sqlite":
        database = await asyncio.to_thread(empty_databases, tmp_path / "db")
    else:
        database = Database.at(await asyncio.to_thread(fresh_url))
        await migrate(database)

    async def attempt() -> bool:
        try:
            async with database.begin() as session:
                await count(session, "hoa", "127.0.0.1", START)
        except TooManyAttempts:
            return False
        return True

    try:
        admitted = await asyncio.gather(*(attempt() for _ in range(3 * PER_ACCOUNT)))
    finally:
        await database.close()
    assert admitted.count(True) == PER_ACCOUNT
