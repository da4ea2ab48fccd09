"""The databases of one installation: rows in ``app.db``, the live log in ``events.db``; PostgreSQL holds both.

SQLite's own defaults silently lose updates (``libraries.md``): every transaction begins with ``BEGIN IMMEDIATE``,
every commit reaches the disk. The log has a file of its own, because durable jobs in the same file delayed acts.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry


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


class Database:
    """``begin()`` opens a transaction on the rows, ``log()`` one on the event log."""

    def __init__(self, rows: AsyncEngine, log: AsyncEngine) -> None:
        self.rows, self.log_engine = rows, log
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
        await self.rows.dispose()
        if self.log_engine is not self.rows:
            await self.log_engine.dispose()
