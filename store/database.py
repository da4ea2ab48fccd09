"""The databases of one installation: rows in ``app.db``, the live log in ``events.db``; PostgreSQL holds both.

SQLite's own defaults silently lose updates (``libraries.md``): every transaction that writes begins with ``BEGIN
IMMEDIATE``, every commit reaches the disk. The log has a file of its own, because durable jobs in the same file delayed
acts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")
Work = Callable[[Connection], T]
"""What is done within one transaction. On SQLite it runs on a thread."""


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def open_engine(url: str) -> AsyncEngine:
    """An engine on which a transaction means what it says, on SQLite as on PostgreSQL."""
    engine = create_async_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


class Hand:
    """Does the whole work of a transaction at once. ``reads``: the work only reads, and waits for no writer.

    A transaction through aiosqlite goes ten times to a thread and back, about 80 µs each; this one goes once, over a
    connection that stays open.
    """

    def __init__(self, engine: AsyncEngine, *, reads: bool = False) -> None:
        self._engine = engine
        self._sqlite: Engine | None = None
        self._connection: Connection | None = None
        if engine.dialect.name == "sqlite":
            self._sqlite = create_engine(engine.url.set(drivername="sqlite"))
            event.listen(self._sqlite, "connect", _prepare_sqlite)
            if not reads:
                event.listen(self._sqlite, "begin", _begin_immediate)
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="reads" if reads else "writes")

    async def do(self, work: Work[T]) -> T:
        """Returns or raises what the work does; when it raises, nothing is written."""
        if self._sqlite is None:
            async with self._engine.begin() as connection:
                return await connection.run_sync(work)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, self._sqlite, work)

    async def close(self) -> None:
        if self._sqlite is not None:
            await asyncio.to_thread(self._thread.shutdown)
            if self._connection is not None:
                self._connection.close()
            self._sqlite.dispose()

    def _do(self, engine: Engine, work: Work[T]) -> T:
        if self._connection is None:
            self._connection = engine.connect()
        with self._connection.begin():
            return work(self._connection)


class Database:
    """``begin()`` opens a transaction on the rows, ``log()`` one on the event log. What many do at once and briefly is
    given to a ``Hand``: ``reading`` the rows, or ``writing`` the log."""

    def __init__(self, rows: AsyncEngine, log: AsyncEngine) -> None:
        self.rows, self.log_engine = rows, log
        self.reading, self.writing = Hand(rows, reads=True), Hand(log)
        self._rows = async_sessionmaker(rows, expire_on_commit=False)
        self._log = async_sessionmaker(log, expire_on_commit=False)

    @classmethod
    def embedded(cls, folder: Path) -> Database:
        """SQLite files in ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(
            open_engine(f"sqlite+aiosqlite:///{folder / 'app.db'}"),
            open_engine(f"sqlite+aiosqlite:///{folder / 'events.db'}"),
        )

    @classmethod
    def at(cls, url: str) -> Database:
        """One PostgreSQL database for rows and log (``postgresql+asyncpg://…``)."""
        engine = open_engine(url)
        return cls(engine, engine)

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[AsyncSession]:
        """Commits when the block ends, rolls back when it raises. Never await the network inside."""
        async with self._rows.begin() as session:
            yield session

    @asynccontextmanager
    async def log(self) -> AsyncGenerator[AsyncSession]:
        async with self._log.begin() as session:
            yield session

    async def close(self) -> None:
        await self.reading.close()
        await self.writing.close()
        await self.rows.dispose()
        if self.log_engine is not self.rows:
            await self.log_engine.dispose()
