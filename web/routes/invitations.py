"""Invite, cancel, send again, answer: what the convener does with a meeting's guests."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.answers import give
from meetings.errors import NotFound
from meetings.meeting import State
from meetings.queries import whole
from scheduler.invitations import cancel, invite, resend
from web.doors import Identity, deps, parse, reply, signed_in
from web.models.meetings import Cancel, GiveAnswer, MeetingDetail
from web.standing import editing, standing
from web.views import detail

routes = web.RouteTableDef()


@routes.post("/api/meetings/{id}/invite")
async def send(request: web.Request) -> web.Response:
    """Sends the invitations, or after a change their next edition; letters leave when this is committed."""
    identity = await signed_in(request)
    async with deps(request).database.begin() as database:
        await _editing(request, database, identity)
        await invite(database, deps(request).jobs, request.match_info["id"], deps(request).now())
        return reply(await _detail(request, database, identity))


@routes.post("/api/meetings/{id}/cancel")
async def call_off(request: web.Request) -> web.Response:
    """Cancels the meeting; whoever was invited is told by mail, whoever waits in the lobby at once."""
    identity = await signed_in(request)
    given = await parse(request, Cancel)
    async with deps(request).database.begin() as database:
        await _editing(request, database, identity)
        await cancel(database, deps(request).jobs, request.match_info["id"], given.reason, deps(request).now())
        body = await _detail(request, database, identity)
    await deps(request).rooms.cancelled(body.id)
    return reply(body)


@routes.post("/api/meetings/{id}/sites/{site}/resend")
async def send_again(request: web.Request) -> web.Response:
    """The same invitation to one site once more."""
    identity = await signed_in(request)
    async with deps(request).database.begin() as database:
        await _editing(request, database, identity)
        jobs, now = deps(request).jobs, deps(request).now()
        await resend(database, jobs, request.match_info["id"], request.match_info["site"], now)
        return reply(await _detail(request, database, identity))


@routes.post("/api/meetings/{id}/sites/{site}/answer")
async def answer(request: web.Request) -> web.Response:
    """The answer of one's own site, or what a site told the secretary by telephone."""
    identity = await signed_in(request)
    given = await parse(request, GiveAnswer)
    async with deps(request).database.begin() as database:
        row = await whole(database, request.match_info["id"], for_change=True)
        mine = await standing(database, row, identity)
        site = next((site for site in row.sites if site.id == request.match_info["site"]), None)
        if site is None:
            raise NotFound("site_unknown")
        if mine.site != site.id:
            await editing(database, row, identity)
        now = deps(request).now()
        renamed = give(row, site, given.answer, substitute_name=given.substitute_name, note=given.note, now=now)
        body = await _detail(request, database, identity)
    if renamed and body.state is State.INVITED:
        await deps(request).rooms.facts_changed(body.id)
    return reply(body)


async def _editing(request: web.Request, database: AsyncSession, identity: Identity) -> None:
    await editing(database, await whole(database, request.match_info["id"], for_change=True), identity)


async def _detail(request: web.Request, database: AsyncSession, identity: Identity) -> MeetingDetail:
    await database.flush()
    database.expire_all()
    row = await whole(database, request.match_info["id"])
    return await detail(database, row, await standing(database, row, identity), deps(request).now())
