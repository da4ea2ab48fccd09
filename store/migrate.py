"""Brings the databases to the form that the code expects (alembic, ``migrations/``).

One chain of revisions serves every installation. SQLite keeps rows and log in two files, and each file takes its part;
PostgreSQL takes both parts at once.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from store.database import Database, open_engine

Part = Literal["rows", "log"]
SCRIPTS = Path(__file__).parent.parent / "migrations"
_LOCK = 0x6E676869
"""Names the PostgreSQL advisory lock: servers that start together migrate one after the other."""


async def migrate(database: Database) -> None:
    """Applies every revision that is not yet applied. Reads files and runs DDL: in a thread, on a loop of its own."""
    if database.rows is database.log_engine:
        targets: dict[str, tuple[Part, ...]] = {_url(database, "rows"): ("rows", "log")}
    else:
        targets = {_url(database, "rows"): ("rows",), _url(database, "log"): ("log",)}
    for url, parts in targets.items():
        await asyncio.to_thread(asyncio.run, _upgrade(url, parts))


def configuration(connection: Connection, parts: tuple[Part, ...]) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes.update(connection=connection, parts=parts)
    return config


def _url(database: Database, part: Part) -> str:
    engine = database.rows if part == "rows" else database.log_engine
    return engine.url.render_as_string(hide_password=False)


async def _upgrade(url: str, parts: tuple[Part, ...]) -> None:
    engine = open_engine(url)
    try:
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(lambda sync: command.upgrade(configuration(sync, parts), "head"))
    finally:
        await engine.dispose()
