from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from minutes_story import Ticking, add_meeting, add_units, clock, open_database, whole_story, write_log

from minutes.approval import Approval
from minutes.book import Book
from minutes.content import Clock
from store.chain import Chain
from store.database import Database
from store.files import Files


class Film:
    """A film that began at eight."""

    async def clock(self, meeting: str) -> Clock:
        def seconds(at: datetime) -> float | None:
            return max(0.0, (at - clock("08:00")).total_seconds())

        return seconds

    async def recording(self, meeting: str) -> str | None:
        return f"{meeting}-r"


@dataclass
class Office:
    """A body with one adjourned meeting, *m1*, and the rooms that write its minutes."""

    folder: Path
    database: Database
    chain: Chain
    files: Files
    time: Ticking
    book: Book
    approval: Approval


@pytest.fixture
async def office(tmp_path: Path) -> AsyncGenerator[Office]:
    database = await open_database(tmp_path / "db")
    chain, files, time = Chain(database), Files(database, tmp_path / "files"), Ticking()
    await add_units(database)
    await add_meeting(database)
    await write_log(chain, whole_story().entries)
    book = Book(database, chain, Film(), time)
    yield Office(tmp_path, database, chain, files, time, book, Approval(database, chain, files, book, time))
    await database.close()
