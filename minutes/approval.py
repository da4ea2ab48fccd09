"""The chair approves: a number, the PDF/A among the files of record, the seals, the state of the meeting; all or none.

The paper bears its number, and numbers are given inside the transaction, while rendering and writing files have no
place in it. So the paper is rendered with the number that follows, and made again in the rare case that another paper
of the series was approved meanwhile.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from documents.numbering import NumberTaken, Series, following, give, series
from documents.paper import MinutesPaper, render_pdf
from meetings.errors import Conflict, NotFound
from meetings.meeting import Act as MeetingAct
from meetings.meeting import State as MeetingState
from meetings.meeting import after as meeting_after
from minutes.book import Book, Present, present
from minutes.history import step
from minutes.paper import KIND, Signatures, paper
from minutes.people import Actor
from minutes.seals import seal, seal_files, seal_log, sealed_end
from minutes.state import Act, State, after
from store.chain import Chain
from store.database import Database
from store.files import FileRow, Files, Placed

ATTEMPTS = 5


@dataclass(frozen=True)
class Pdf:
    """A paper to hand out: the kept file of approved minutes, or the bytes of a draft."""

    name: str
    content: Path | bytes


@dataclass(frozen=True)
class _Ready:
    """An approval that only waits to be carried out."""

    revision: int
    series: Series
    number: int
    written: str
    paper: MinutesPaper
    at: datetime


class Approval:
    def __init__(self, database: Database, chain: Chain, files: Files, book: Book, now: Callable[[], datetime]) -> None:
        self._database, self._chain, self._files, self._book, self._now = database, chain, files, book, now
        self._one_at_a_time = asyncio.Lock()

    async def approve(self, meeting: str, actor: Actor, revision: int | None = None) -> None:
        """Raises ``NotAllowed``, ``WrongMoment`` by either table, ``Conflict`` when the text is not the one seen."""
        async with self._one_at_a_time:
            for _ in range(ATTEMPTS):
                ready = await self._prepare(meeting, actor, revision)
                placed = await self._place(meeting, ready)
                try:
                    return await self._carry_out(meeting, actor, ready, placed)
                except NumberTaken:
                    continue
        raise Conflict

    async def pdf(self, meeting: str, actor: Actor) -> Pdf:
        """The approved file as it was kept, or the draft rendered now and marked as one."""
        seen = await self._book.look(meeting, actor)
        if seen.past.state is State.APPROVED:
            async with self._database.begin() as session:
                row = await session.get(FileRow, seen.past.last.file)
            if row is None:
                raise NotFound("file_unknown")
            return Pdf(row.name, self._files.path(row))
        last = seen.past.last
        marked = paper(seen.content, seen.head, seen.signatures(), last.at)
        return Pdf("Dự thảo biên bản.pdf", await asyncio.to_thread(render_pdf, marked))

    async def _prepare(self, meeting: str, actor: Actor, revision: int | None) -> _Ready:
        at = self._now()
        async with self._database.begin() as session:
            seen = await present(session, meeting, actor)
            _require(seen, revision)
            one_of = series(seen.meeting.unit_id or "", KIND, at)
            number = await following(session, one_of)
        signed = Signatures(seen.signatures().secretary, actor.name)
        rendered = paper(seen.content, seen.head, signed, at, number=number)
        return _Ready(seen.past.last.revision, one_of, number, rendered.number, rendered, at)

    async def _place(self, meeting: str, ready: _Ready) -> Placed:
        """Under an id of its own: what is placed in vain never touches what was kept."""
        source = await asyncio.to_thread(_rendered, ready.paper)
        try:
            return await self._files.place(
                meeting=meeting,
                kind="minutes",
                name=f"Biên bản {ready.written.replace('/', '-')}.pdf",
                media_type="application/pdf",
                source=source,
            )
        finally:
            await asyncio.to_thread(source.unlink)

    async def _carry_out(self, meeting: str, actor: Actor, ready: _Ready, placed: Placed) -> None:
        async with self._database.begin() as session:
            end = await sealed_end(session, meeting)
        tail = await self._chain.read(meeting, after=end)
        async with self._database.begin() as session:
            seen = await present(session, meeting, actor, for_change=True)
            _require(seen, ready.revision)
            seen.meeting.state = meeting_after(MeetingState(seen.meeting.state), MeetingAct.APPROVE_MINUTES)
            await give(session, ready.series, ready.number, meeting, ready.at)
            await self._files.register(session, placed)
            last = await step(session, seen.past, Act.APPROVE, actor, ready.at, number=ready.written, file=placed.id)
            await seal(session, meeting, "minutes", seq=last.revision, digest=last.hash, at=ready.at)
            if tail:
                await seal_log(session, meeting, tail[-1], ready.at)
            await seal_files(session, meeting)


def _require(seen: Present, revision: int | None) -> None:
    seen.standing.require(seen.standing.approves)
    after(seen.past.state, Act.APPROVE)
    meeting_after(MeetingState(seen.meeting.state), MeetingAct.APPROVE_MINUTES)
    seen.require_revision(revision)


def _rendered(paper: MinutesPaper) -> Path:
    """The paper in a file that the caller removes."""
    with tempfile.NamedTemporaryFile(prefix="nghisu-", suffix=".pdf", delete=False) as file:
        file.write(render_pdf(paper))
        return Path(file.name)
