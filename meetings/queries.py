"""What is asked of the rows of meetings."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from meetings.access import Role
from meetings.convene import Draft, Seat
from meetings.errors import NotFound, WrongMoment
from meetings.facts import AgendaItem as AgendaFact
from meetings.facts import Facts
from meetings.facts import Site as SiteFact
from meetings.meeting import Kind, Regime, State
from meetings.tables import Meeting, Site
from meetings.tickets import TicketUnknown


async def whole(session: AsyncSession, meeting: str, *, for_change: bool = False) -> Meeting:
    """The meeting with its unit, agenda and sites. Raises ``NotFound``. ``for_change`` locks its row."""
    question = (
        select(Meeting)
        .where(Meeting.id == meeting)
        .options(joinedload(Meeting.unit), selectinload(Meeting.agenda), selectinload(Meeting.sites))
    )
    if for_change:
        question = question.with_for_update(of=Meeting)
    row = await session.scalar(question)
    if row is None:
        raise NotFound("meeting_unknown")
    return row


async def facts(session: AsyncSession, meeting: str) -> Facts:
    """What a Room is prepared with. Raises ``NotFound``."""
    return facts_of(await whole(session, meeting))


def facts_of(row: Meeting) -> Facts:
    """The same from a row that ``whole`` read. Times are UTC; an undated draft has empty ones."""
    return Facts(
        meeting=row.id,
        title=row.title,
        starts_at=_iso(row.starts_at),
        ends_at=_iso(row.ends_at),
        body=row.unit.name if row.unit else "",
        agenda=tuple(AgendaFact(i.id, i.number, i.title, i.minutes, i.presenter) for i in row.agenda),
        sites=tuple(SiteFact(s.id, s.unit_id or "", s.name, speaker(s), Role(s.role)) for s in row.sites),
        turn_minutes=row.turn_minutes,
        microphones="free" if row.microphones == "free" else "by_floor",
        lobby=row.lobby,
    )


def speaker(site: Site) -> str:
    """Who speaks for the site: position and name of the invited, or the substitute (Decision 45, Art. 15)."""
    if site.answer == "substitute" and site.substitute_name:
        return site.substitute_name
    return f"{site.person_title} {site.person_name}".strip()


_SEAT = (
    select(Site.role, Site.ticket_serial, Meeting.state)
    .join(Meeting, Site.meeting_id == Meeting.id)
    .where(Site.id == bindparam("site"))
)


def seat(connection: Connection, site: str, serial: int) -> Role:
    """The role of the site that a ticket admits to.

    Raises ``TicketUnknown`` when the site is gone or its ticket was reissued, ``WrongMoment`` *meeting_not_invited*
    while the meeting is a draft and *meeting_cancelled* when it will not take place.
    """
    found = connection.execute(_SEAT, {"site": site}).one_or_none()
    if found is None or found.ticket_serial != serial:
        raise TicketUnknown
    match State(found.state):
        case State.DRAFT:
            raise WrongMoment("meeting_not_invited")
        case State.CANCELLED:
            raise WrongMoment("meeting_cancelled")
        case _:
            return Role(found.role)


def draft_of(row: Meeting) -> Draft:
    """What the rules of convening look at, from a row that ``whole`` read."""
    return Draft(
        title=row.title,
        unit=row.unit_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        regime=Regime(row.regime),
        kind=Kind(row.kind),
        urgent=row.urgent,
        place=row.place,
        request=row.request,
        contact=row.contact,
        signer_name=row.signer_name,
        agenda=[item.title for item in row.agenda],
        sites=[Seat(Role(site.role), site.name, site.email) for site in row.sites],
    )


def visible(account: str, person: str | None) -> ColumnElement[bool]:
    """The meetings that an account may see: those it convenes, and those that its person is invited to."""
    invited = (
        select(Site.meeting_id)
        .where(Site.person_id == person, Site.meeting_id == Meeting.id, Meeting.state != State.DRAFT)
        .exists()
        if person
        else false()
    )
    return or_(Meeting.created_by == account, invited)


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
