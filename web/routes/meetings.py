"""Meetings as convened: the lists, the form, a copy, one's own ticket. Sending is ``invitations.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from aiohttp import web
from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from meetings.access import Office
from meetings.convene import ticket_until
from meetings.errors import Invalid, NotAllowed, WrongMoment
from meetings.meeting import State
from meetings.queries import visible, whole
from meetings.tables import AgendaItem, Meeting, Site
from meetings.tickets import Ticket
from web.doors import Identity, allowed, deps, parse, reply, signed_in
from web.models.meetings import MeetingDetail, MeetingList, SaveMeeting, Tab, TicketView
from web.saving import save
from web.standing import editing, standing
from web.views import detail, summaries

routes = web.RouteTableDef()

TABS: Mapping[Tab, tuple[State, ...]] = {
    "upcoming": (State.DRAFT, State.INVITED),
    "live": (State.LIVE,),
    "minutes": (State.ADJOURNED,),
    "done": (State.APPROVED, State.CANCELLED),
}
LONGEST_LIST = 200


def mine(identity: Identity) -> ColumnElement[bool]:
    """The meetings that this account may see: administrators see all."""
    return true() if identity.office is Office.ADMINISTRATOR else visible(identity.account, identity.person)


@routes.get("/api/meetings")
async def index(request: web.Request) -> web.Response:
    """One tab (``?tab=``): what comes next first, what is over last first."""
    identity = await signed_in(request)
    tab = request.query.get("tab", "upcoming")
    if tab not in TABS:
        raise Invalid("invalid", field="tab", reason="no such tab")
    tab = cast(Tab, tab)
    async with deps(request).database.begin() as database:
        counted = await database.execute(
            select(Meeting.state, func.count()).where(mine(identity)).group_by(Meeting.state)
        )
        by_state = {State(row[0]): row[1] for row in counted}
        rows = list(await database.scalars(_of(tab, identity)))
        return reply(
            MeetingList(
                meetings=tuple(await summaries(database, rows, identity)),
                counts={name: sum(by_state.get(state, 0) for state in states) for name, states in TABS.items()},
            )
        )


def _of(tab: Tab, identity: Identity) -> Select[Meeting]:
    order = Meeting.starts_at.asc() if tab == "upcoming" else Meeting.starts_at.desc()
    return (
        select(Meeting)
        .where(mine(identity), Meeting.state.in_(TABS[tab]))
        .options(joinedload(Meeting.unit))
        .order_by(order.nulls_last(), Meeting.created_at.desc())
        .limit(LONGEST_LIST)
    )


@routes.post("/api/meetings")
async def create(request: web.Request) -> web.Response:
    """An empty draft of one's own unit."""
    identity = await allowed(request, "convene")
    now = deps(request).now()
    async with deps(request).database.begin() as database:
        row = Meeting(unit_id=identity.unit, created_by=identity.account, created_at=now)
        database.add(row)
        await database.flush()
        return reply(await _detail(request, database, row.id, identity), status=201)


@routes.get("/api/meetings/{id}")
async def show(request: web.Request) -> web.Response:
    identity = await signed_in(request)
    async with deps(request).database.begin() as database:
        return reply(await _detail(request, database, request.match_info["id"], identity))


@routes.put("/api/meetings/{id}")
async def write(request: web.Request) -> web.Response:
    """Autosave: the whole form and the revision that it rests on. A Room that already waits takes the change over."""
    identity = await signed_in(request)
    given = await parse(request, SaveMeeting)
    async with deps(request).database.begin() as database:
        row = await whole(database, request.match_info["id"], for_change=True)
        await editing(database, row, identity)
        changed = await save(database, row, given, deps(request).now())
        body = await _detail(request, database, row.id, identity)
    if changed and body.state is State.INVITED:
        await deps(request).rooms.facts_changed(body.id)
    return reply(body)


@routes.post("/api/meetings/{id}/duplicate")
async def duplicate(request: web.Request) -> web.Response:
    """A draft with the same form and sites, without dates and answers."""
    identity = await allowed(request, "convene")
    async with deps(request).database.begin() as database:
        row = await whole(database, request.match_info["id"])
        await standing(database, row, identity)
        copy = Meeting(
            unit_id=row.unit_id,
            title=row.title,
            regime=row.regime,
            kind=row.kind,
            urgent=row.urgent,
            place=row.place,
            request=row.request,
            contact=row.contact,
            signer_title=row.signer_title,
            signer_name=row.signer_name,
            turn_minutes=row.turn_minutes,
            microphones=row.microphones,
            lobby=row.lobby,
            created_by=identity.account,
            created_at=deps(request).now(),
        )
        database.add(copy)
        await database.flush()
        twins = {site.id: _twin(site, copy.id) for site in row.sites}
        database.add_all(twins.values())
        await database.flush()
        for item in row.agenda:
            presenter = twins[item.presenter].id if item.presenter in twins else None
            database.add(
                AgendaItem(
                    meeting_id=copy.id, number=item.number, title=item.title, minutes=item.minutes, presenter=presenter
                )
            )
        await database.flush()
        return reply(await _detail(request, database, copy.id, identity), status=201)


def _twin(site: Site, meeting: str) -> Site:
    return Site(
        meeting_id=meeting,
        number=site.number,
        unit_id=site.unit_id,
        person_id=site.person_id,
        role=site.role,
        name=site.name,
        person_name=site.person_name,
        person_title=site.person_title,
        email=site.email,
    )


@routes.post("/api/meetings/{id}/ticket")
async def ticket(request: web.Request) -> web.Response:
    """The way into the Room for one's own site. Raises ``NotAllowed`` *no_seat* for who convenes but is not invited."""
    identity = await signed_in(request)
    async with deps(request).database.begin() as database:
        row = await whole(database, request.match_info["id"])
        seat = (await standing(database, row, identity)).site
        site = next((site for site in row.sites if site.id == seat), None)
    match State(row.state):
        case State.DRAFT:
            raise WrongMoment("meeting_not_invited")
        case State.CANCELLED:
            raise WrongMoment("meeting_cancelled")
        case State.ADJOURNED | State.APPROVED:
            raise WrongMoment("meeting_adjourned")
        case _:
            pass
    if site is None:
        raise NotAllowed("no_seat")
    until = ticket_until(row.ends_at or deps(request).now())
    token = deps(request).tickets.sign(Ticket(site.id, row.id, site.ticket_serial, until))
    return reply(TicketView(url=f"/join/{token}"))


async def _detail(request: web.Request, database: AsyncSession, meeting: str, identity: Identity) -> MeetingDetail:
    await database.flush()
    database.expire_all()
    row = await whole(database, meeting)
    return await detail(database, row, await standing(database, row, identity), deps(request).now())
