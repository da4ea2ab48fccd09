"""The revisions of one meeting's minutes: the next one follows from the last, and bears its hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from meetings.errors import Conflict
from minutes.people import Actor
from minutes.state import Act, State, after
from minutes.tables import MinutesRow
from store.chain import GENESIS, link, microseconds

DRAFTED = "draft"
APART = timedelta(minutes=5)
"""Saves of one hand within this time are one revision of the history: what is kept is work, not keystrokes."""


@dataclass(frozen=True)
class History:
    """All revisions, oldest first; only the last one has its content loaded."""

    rows: Sequence[MinutesRow]

    @property
    def last(self) -> MinutesRow:
        return self.rows[-1]

    @property
    def state(self) -> State:
        return State(self.last.state)

    def latest(self, act: Act) -> MinutesRow | None:
        """The last revision made by the act."""
        return next((row for row in reversed(self.rows) if row.act == act), None)

    @property
    def returned(self) -> MinutesRow | None:
        """The return that the present draft answers; ``None`` once it was submitted again."""
        steps = [row for row in self.rows if row.act in {Act.SUBMIT, Act.RETURN, Act.APPROVE}]
        return steps[-1] if steps and steps[-1].act == Act.RETURN else None


async def history(session: AsyncSession, meeting: str) -> History | None:
    """The revisions of a meeting; ``None`` before the first draft."""
    rows = list(
        await session.scalars(select(MinutesRow).where(MinutesRow.meeting == meeting).order_by(MinutesRow.revision))
    )
    if not rows:
        return None
    await session.refresh(rows[-1], ["content"])
    return History(rows)


async def begin(session: AsyncSession, meeting: str, content: bytes, at: datetime) -> None:
    """The first revision: what the log says. Raises ``Conflict`` when another was first."""
    row = MinutesRow(
        meeting=meeting, revision=1, state=State.DRAFT, act=DRAFTED, at=at, since=at, content=content,
        account="", name="", reason="",
    )  # fmt: skip
    await _add(session, row, GENESIS)


async def step(
    session: AsyncSession,
    past: History,
    act: Act,
    actor: Actor,
    at: datetime,
    *,
    content: bytes | None = None,
    reason: str = "",
    number: str | None = None,
    file: str | None = None,
) -> MinutesRow:
    """The revision that an act makes. Raises ``WrongMoment`` by the table, ``Conflict`` when another was first."""
    last = past.last
    row = MinutesRow(
        meeting=last.meeting,
        revision=last.revision + 1,
        state=after(past.state, act),
        act=act,
        account=actor.account,
        name=actor.name,
        at=at,
        since=at,
        reason=reason,
        content=last.content if content is None else content,
        number=number,
        file=file,
    )
    previous = last.hash
    if act is Act.SAVE and last.act == Act.SAVE and last.account == actor.account and at - last.since < APART:
        row.since = last.since
        previous = past.rows[-2].hash
        await _remove(session, last)
    await _add(session, row, previous)
    return row


def digest(row: MinutesRow, previous: bytes) -> bytes:
    """The hash of a revision, over the one before and all that the row says."""
    said = {
        "state": row.state,
        "act": row.act,
        "account": row.account,
        "name": row.name,
        "since": microseconds(row.since),
        "reason": row.reason,
        "content": sha256(row.content).hexdigest(),
        "number": row.number,
        "file": row.file,
    }
    payload = msgspec.json.encode(said, order="deterministic")
    return link(previous, row.meeting, row.revision, microseconds(row.at), payload)


async def broken(session: AsyncSession, meeting: str) -> list[int]:
    """The revisions whose hash does not hold."""
    previous, found = GENESIS, list[int]()
    rows = await session.scalars(
        select(MinutesRow)
        .where(MinutesRow.meeting == meeting)
        .order_by(MinutesRow.revision)
        .options(undefer(MinutesRow.content))
    )
    for row in rows:
        if digest(row, previous) != row.hash:
            found.append(row.revision)
        previous = row.hash
    return found


async def _add(session: AsyncSession, row: MinutesRow, previous: bytes) -> None:
    row.hash = digest(row, previous)
    session.add(row)
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict from error


async def _remove(session: AsyncSession, row: MinutesRow) -> None:
    """Takes out the save that the next one takes in; gone already means that another was first."""
    gone = await session.execute(
        delete(MinutesRow)
        .where(MinutesRow.meeting == row.meeting, MinutesRow.revision == row.revision)
        .execution_options(synchronize_session=False)
    )
    session.expunge(row)
    if gone.rowcount != 1:  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        raise Conflict
