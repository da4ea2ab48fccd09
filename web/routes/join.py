"""What the holder of a ticket may know and answer, without an account: the ticket is the key (ADR 0004)."""

from __future__ import annotations

from typing import cast

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from media.ortc import ROUTER_CAPABILITIES
from meetings.access import Role
from meetings.answers import give
from meetings.meeting import State
from meetings.queries import seat, speaker, whole
from meetings.tables import Meeting, Site
from web.doors import deps, parse, reply
from web.models.meetings import Answer, GiveAnswer, JoinInfo

routes = web.RouteTableDef()


async def _seat(request: web.Request, database: AsyncSession, *, for_change: bool = False) -> tuple[Meeting, Site]:
    """Raises ``TicketUnknown``, ``TicketExpired``, and what ``meetings.queries.seat`` raises."""
    ticket = deps(request).tickets.read(request.match_info["ticket"], deps(request).now())
    await (await database.connection()).run_sync(seat, ticket.site, ticket.serial)
    meeting = await whole(database, ticket.meeting, for_change=for_change)
    return meeting, next(site for site in meeting.sites if site.id == ticket.site)


def _info(request: web.Request, meeting: Meeting, site: Site) -> JoinInfo:
    chair = next((s for s in meeting.sites if s.role == Role.CHAIR), None)
    return JoinInfo(
        now=deps(request).now().isoformat(),
        meeting=meeting.id,
        title=meeting.title,
        body=meeting.unit.name if meeting.unit else "",
        starts_at=meeting.starts_at.isoformat() if meeting.starts_at else "",
        ends_at=meeting.ends_at.isoformat() if meeting.ends_at else "",
        chair=speaker(chair) if chair else "",
        place=meeting.place,
        sites=len(meeting.sites),
        state=State(meeting.state),
        site=site.id,
        site_name=site.name,
        person=speaker(site),
        role=Role(site.role),
        answer=cast(Answer, site.answer),
        contact=meeting.contact,
    )


@routes.get("/api/rtp-capabilities")
async def capabilities(request: web.Request) -> web.Response:
    """What a relay can carry: the join page warms the browser's media with it before anybody enters."""
    return reply(ROUTER_CAPABILITIES)


@routes.get("/api/join/{ticket}")
async def look(request: web.Request) -> web.Response:
    async with deps(request).database.begin() as database:
        return reply(_info(request, *await _seat(request, database)))


@routes.post("/api/join/{ticket}")
async def answer(request: web.Request) -> web.Response:
    """The answer to the invitation. A substitute's name goes on the plate of a Room that already waits."""
    given = await parse(request, GiveAnswer)
    async with deps(request).database.begin() as database:
        meeting, site = await _seat(request, database, for_change=True)
        renamed = give(
            meeting,
            site,
            given.answer,
            substitute_name=given.substitute_name,
            note=given.note,
            now=deps(request).now(),
        )
        body = _info(request, meeting, site)
    if renamed:
        await deps(request).rooms.facts_changed(meeting.id)
    return reply(body)
