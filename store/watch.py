"""Watchers follow the event log with a durable cursor: each entry reaches each watcher at least once, in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import Integer, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base
from store.chain import Chain, EventRow, Line
from store.database import Database

log = logging.getLogger("nghisu.watch")
PAUSE = 0.5
"""Seconds between two deliveries."""

Watcher = Callable[[str, Sequence[Line]], Awaitable[None]]


class Cursor(Base):
    __tablename__ = "watch_cursors"

    watcher: Mapped[str] = mapped_column(String(40), primary_key=True)
    meeting: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer)


class Watch:
    """Wakes each watcher after an append, and at the start for whatever a crash left unseen.

    The first wake is heeded at once; what is written within ``PAUSE`` after it is delivered together. A watcher that
    raises is tried again at the next wake; it never holds up the act it watches nor another watcher.
    """

    def __init__(self, database: Database, chain: Chain) -> None:
        self._database, self._chain = database, chain
        self._watchers: dict[str, Watcher] = {}
        self._grown: dict[str, None] = {}
        self._woken = asyncio.Event()

    def add(self, name: str, watcher: Watcher) -> None:
        self._watchers[name] = watcher

    def wake(self, meeting: str) -> None:
        """The log of this meeting grew."""
        self._grown[meeting] = None
        self._woken.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        for meeting in await self._behind():
            self.wake(meeting)
        while True:
            await self._woken.wait()
            self._woken.clear()
            grown, self._grown = self._grown, {}
            for meeting in grown:
                try:
                    await self._deliver(meeting)
                except Exception:
                    log.exception("meeting %s cannot be watched", meeting)
            await asyncio.sleep(PAUSE)

    async def _deliver(self, meeting: str) -> None:
        async with self._database.begin() as session:
            found = await session.scalars(select(Cursor).where(Cursor.meeting == meeting))
            seen = {cursor.watcher: cursor.seq for cursor in found}
        lines = await self._chain.read(meeting, after=min((seen.get(name, 0) for name in self._watchers), default=0))
        reached: list[str] = []
        for name, watcher in self._watchers.items():
            unseen = [line for line in lines if line.seq > seen.get(name, 0)]
            if not unseen:
                continue
            try:
                await watcher(meeting, unseen)
            except Exception:
                log.exception("watcher %s failed on meeting %s", name, meeting)
            else:
                reached.append(name)
        if reached:
            async with self._database.begin() as session:
                for name in reached:
                    await session.merge(Cursor(watcher=name, meeting=meeting, seq=lines[-1].seq))

    async def _behind(self) -> list[str]:
        async with self._database.log() as session:
            found = await session.execute(select(EventRow.meeting, func.max(EventRow.seq)).group_by(EventRow.meeting))
            ends = {row.meeting: row[1] for row in found}
        async with self._database.begin() as session:
            seen = {(c.watcher, c.meeting): c.seq for c in await session.scalars(select(Cursor))}
        return [m for m, end in ends.items() if any(seen.get((name, m), 0) < end for name in self._watchers)]
