"""What the signed-in are in one meeting: convener, invited, or strangers to whom it does not exist."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Office, Role
from meetings.errors import NotAllowed, NotFound
from meetings.meeting import State
from meetings.tables import Meeting, Site
from web.sessions import Identity

_WEIGHT = (Role.CHAIR, Role.SECRETARY, Role.DELEGATE, Role.OBSERVER)


@dataclass(frozen=True)
class Standing:
    """``site`` is the one that I would sit at, ``role`` what I am there."""

    site: str | None
    role: Role | None
    convener: bool
    administrator: bool
    state: State

    @property
    def may_see(self) -> bool:
        return self.convener or self.administrator or (self.site is not None and self.state is not State.DRAFT)

    @property
    def conducts(self) -> bool:
        """Chair or secretary of this meeting, or who convened it."""
        return self.convener or self.role in {Role.CHAIR, Role.SECRETARY}

    @property
    def may_edit(self) -> bool:
        """Whether the form may be changed now, by whom and by the state."""
        by_whom = self.convener or self.administrator or self.role is Role.SECRETARY
        return by_whom and self.state in {State.DRAFT, State.INVITED}


async def seats_of(database: AsyncSession, person: str | None, meetings: list[str]) -> dict[str, tuple[str, Role]]:
    """Where a person sits, by meeting; of several seats the one that may most."""
    if person is None or not meetings:
        return {}
    rows = await database.execute(
        select(Site.meeting_id, Site.id, Site.role).where(Site.person_id == person, Site.meeting_id.in_(meetings))
    )
    found = [(meeting, site, Role(role)) for meeting, site, role in rows]
    found.sort(key=lambda seat: _WEIGHT.index(seat[2]), reverse=True)
    return {meeting: (site, role) for meeting, site, role in found}


async def standing(database: AsyncSession, meeting: Meeting, identity: Identity) -> Standing:
    """Raises ``NotFound`` for a meeting that is none of one's business."""
    seat = (await seats_of(database, identity.person, [meeting.id])).get(meeting.id)
    mine = stand(meeting, identity, seat)
    if not mine.may_see:
        raise NotFound("meeting_unknown")
    return mine


def stand(meeting: Meeting, identity: Identity, seat: tuple[str, Role] | None) -> Standing:
    return Standing(
        site=seat[0] if seat else None,
        role=seat[1] if seat else None,
        convener=meeting.created_by == identity.account and identity.may("convene"),
        administrator=identity.office is Office.ADMINISTRATOR,
        state=State(meeting.state),
    )


async def editing(database: AsyncSession, meeting: Meeting, identity: Identity) -> Standing:
    """Raises ``NotFound`` for strangers and ``NotAllowed`` for the invited who may only read."""
    mine = await standing(database, meeting, identity)
    if not (mine.convener or mine.administrator or mine.role is Role.SECRETARY):
        raise NotAllowed(role=mine.role or identity.office, act="edit_meeting")
    return mine
