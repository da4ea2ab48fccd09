"""The minutes of a meeting from the first draft to the submission; ``minutes.approval`` ends their life."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from documents.glyphs import unprintable
from meetings.access import Role
from meetings.errors import Conflict, Invalid, Refused, WrongMoment
from meetings.events import Entry
from meetings.events import decode as decode_event
from meetings.queries import whole
from meetings.tables import Meeting, Unit
from minutes import content as contents
from minutes.attendance import Invited
from minutes.content import Content
from minutes.draft import Background, draft
from minutes.history import History, begin, history, step
from minutes.paper import Letterhead, Signatures
from minutes.people import Actor, Standing, standing
from minutes.ports import FilmTime
from minutes.seals import seal_log, sealed_end
from minutes.state import Act, State, after
from store.chain import Chain, Line
from store.database import Database


@dataclass(frozen=True)
class Present:
    """The minutes as they stand, for one who asks."""

    meeting: Meeting
    past: History
    standing: Standing
    head: Letterhead

    @property
    def content(self) -> Content:
        return contents.decode(self.past.last.content)

    @property
    def may_write(self) -> bool:
        return self.standing.writes and self.past.state is State.DRAFT

    @property
    def may_approve(self) -> bool:
        return self.standing.approves and self.past.state is State.SUBMITTED

    def require_revision(self, revision: int | None) -> None:
        """Raises ``Conflict`` when another revision is the last one by now."""
        if revision is not None and revision != self.past.last.revision:
            raise Conflict(revision=self.past.last.revision)

    def signatures(self) -> Signatures:
        """Who submitted and who approved, and until then who was to."""
        submitted, approved = self.past.latest(Act.SUBMIT), self.past.latest(Act.APPROVE)
        return Signatures(
            secretary=submitted.name if submitted else _invited(self.meeting, Role.SECRETARY),
            chair=approved.name if approved else _invited(self.meeting, Role.CHAIR),
        )


class Book:
    """Every act is one transaction; what takes time is done before it begins."""

    def __init__(self, database: Database, chain: Chain, film: FilmTime, now: Callable[[], datetime]) -> None:
        self._database, self._chain, self._film, self._now = database, chain, film, now

    async def open(self, meeting: str) -> None:
        """Drafts the minutes of an adjourned meeting from its log; done before, nothing changes.

        Raises ``NotFound`` for no such meeting, ``WrongMoment`` *minutes_not_begun* before the adjournment.
        """
        async with self._database.begin() as session:
            if await history(session, meeting) is not None:
                return
            background = _background(await whole(session, meeting))
        lines = await self._chain.read(meeting)
        content = await asyncio.to_thread(_drafted, lines, background)
        async with self._database.begin() as session:
            if await history(session, meeting) is None:
                await begin(session, meeting, content, self._now())
                await seal_log(session, meeting, lines[-1], self._now())

    async def seal(self, meeting: str, last: Line) -> bool:
        """Seals a log that grew after its adjournment; false while there are no minutes."""
        async with self._database.begin() as session:
            begun = await history(session, meeting) is not None
            if begun:
                await seal_log(session, meeting, last, self._now())
            return begun

    async def look(self, meeting: str, actor: Actor) -> Present:
        """The minutes for one who asks, drafted now if nobody did. Raises ``NotFound`` for the uninvited."""
        async with self._database.begin() as session:
            standing(await whole(session, meeting), actor)
            begun = await history(session, meeting) is not None
        if not begun:
            await self.open(meeting)
        async with self._database.begin() as session:
            return await present(session, meeting, actor)

    async def timed(self, seen: Present) -> Content:
        """The content with the places in the film as it is known now."""
        return contents.timed(seen.content, await self._film.clock(seen.meeting.id))

    async def save(self, meeting: str, actor: Actor, revision: int, content: Content) -> None:
        """Raises ``Conflict`` when somebody saved in between, ``Invalid`` when a paragraph rests on no event."""
        async with self._database.begin() as session:
            seen = await present(session, meeting, actor, for_change=True)
            _require_writing(seen, Act.SAVE, revision)
            end = await sealed_end(session, meeting)
            unknown = sorted(seq for seq in contents.evidence(content) if not 1 <= seq <= end)
            if unknown:
                raise Invalid("evidence_unknown", seq=unknown[0])
            await step(session, seen.past, Act.SAVE, actor, self._now(), content=contents.encode(content))

    async def submit(self, meeting: str, actor: Actor, revision: int | None = None) -> None:
        """To the chair. Raises ``Refused`` *unprintable* while a letter is in the text that no paper can bear."""
        read = await self.look(meeting, actor)
        _require_writing(read, Act.SUBMIT, revision)
        if letters := await asyncio.to_thread(unprintable, contents.words(read.content)):
            raise Refused("unprintable", letters=letters[:20])
        async with self._database.begin() as session:
            seen = await present(session, meeting, actor, for_change=True)
            _require_writing(seen, Act.SUBMIT, read.past.last.revision)
            await step(session, seen.past, Act.SUBMIT, actor, self._now())

    async def give_back(self, meeting: str, actor: Actor, reason: str) -> None:
        """From the chair to the secretary, with the reason."""
        async with self._database.begin() as session:
            seen = await present(session, meeting, actor, for_change=True)
            seen.standing.require(seen.standing.approves)
            await step(session, seen.past, Act.RETURN, actor, self._now(), reason=reason)


async def present(session: AsyncSession, meeting: str, actor: Actor, *, for_change: bool = False) -> Present:
    """The minutes within a transaction. Raises ``WrongMoment`` before the first draft."""
    row = await whole(session, meeting, for_change=for_change)
    may = standing(row, actor)
    past = await history(session, meeting)
    if past is None:
        raise WrongMoment("minutes_not_begun")
    parent = await session.get(Unit, row.unit.parent_id) if row.unit and row.unit.parent_id else None
    head = Letterhead(
        parent=parent.name if parent else "",
        body=row.unit.name if row.unit else "",
        symbol=row.unit.symbol if row.unit else "",
    )
    return Present(row, past, may, head)


def _require_writing(seen: Present, act: Act, revision: int | None) -> None:
    seen.standing.require(seen.standing.writes)
    after(seen.past.state, act)
    seen.require_revision(revision)


def _drafted(lines: Sequence[Line], background: Background) -> bytes:
    entries = [Entry(line.seq, line.at, decode_event(line.payload)) for line in lines]
    return contents.encode(draft(entries, background))


def _background(meeting: Meeting) -> Background:
    roll = {
        site.id: Invited(
            title=site.person_title,
            name=site.person_name,
            substitute=site.substitute_name if site.answer == "substitute" else "",
            declined=site.answer == "declined",
        )
        for site in meeting.sites
    }
    return Background(meeting.place, roll)


def _invited(meeting: Meeting, role: Role) -> str:
    return next((site.person_name for site in meeting.sites if site.role == role), "")
