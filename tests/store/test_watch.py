"""Watchers follow the log: everything reaches each of them, in order, whatever another one does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from office import empty_databases

from store.chain import GENESIS, Chain, Line
from store.database import Database
from store.watch import Watch, Watcher

NOW = datetime(2026, 11, 18, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await asyncio.to_thread(empty_databases, tmp_path / "db")
    yield database
    await database.close()


class Log:
    def __init__(self, database: Database) -> None:
        self.chain, self._seq, self._head = Chain(database), 0, GENESIS

    async def grow(self, *payloads: bytes) -> None:
        lines = await self.chain.append("m", self._seq, self._head, [(NOW, payload) for payload in payloads])
        self._seq, self._head = lines[-1].seq, lines[-1].hash


@asynccontextmanager
async def watching(database: Database, chain: Chain, **watchers: Watcher) -> AsyncIterator[Watch]:
    watch = Watch(database, chain)
    for name, watcher in watchers.items():
        watch.add(name, watcher)
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.wait([task])


def noting(seen: list[bytes]) -> Watcher:
    async def watcher(meeting: str, lines: Sequence[Line]) -> None:
        seen.extend(line.payload for line in lines)

    return watcher


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happened():
            await asyncio.sleep(0.01)


async def test_all_that_is_written_reaches_every_watcher_in_order(database: Database) -> None:
    log, one, other = Log(database), list[bytes](), list[bytes]()
    async with watching(database, log.chain, one=noting(one), other=noting(other)) as watch:
        for number in range(20):
            await log.grow(b"%d" % number)
            watch.wake("m")
        await until(lambda: len(one) == len(other) == 20)
    assert one == other == [b"%d" % number for number in range(20)]


async def test_what_nobody_was_told_is_delivered_at_the_next_start_and_the_rest_is_not(database: Database) -> None:
    log, first, second = Log(database), list[bytes](), list[bytes]()
    await log.grow(b"before")
    async with watching(database, log.chain, one=noting(first)) as watch:
        await until(lambda: first == [b"before"])
        await log.grow(b"told")
        watch.wake("m")
        await until(lambda: len(first) == 2)
        await asyncio.sleep(1)
    await log.grow(b"after")
    async with watching(database, log.chain, one=noting(second)):
        await until(lambda: second == [b"after"])


async def test_a_watcher_that_fails_is_told_again_and_holds_up_no_other(database: Database) -> None:
    log, seen, tries = Log(database), list[bytes](), list[int]()

    async def failing(meeting: str, lines: Sequence[Line]) -> None:
        tries.append(len(lines))
        if len(tries) == 1:
            raise RuntimeError("once")

    async with watching(database, log.chain, failing=failing, other=noting(seen)) as watch:
        await log.grow(b"a")
        watch.wake("m")
        await until(lambda: seen == [b"a"])
        await log.grow(b"b")
        watch.wake("m")
        await until(lambda: seen == [b"a", b"b"])
        await until(lambda: tries == [1, 2])
