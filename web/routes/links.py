"""One-time links, opened on the page ``/welcome/<token>``."""

from __future__ import annotations

from aiohttp import web

from meetings.errors import Invalid
from web import links, sessions
from web.deps import PASSWORDS
from web.doors import deps, parse, reply
from web.models.accounts import LinkView, UseLink
from web.routes.sign_in import me_of
from web.tables import OneTimeLink

routes = web.RouteTableDef()


def _view(link: OneTimeLink) -> LinkView:
    match link.purpose:
        case "first_administrator" | "activate" | "reset" as purpose:
            account = link.account
            return LinkView(purpose, account.username if account else None, account.name if account else None)
        case other:
            raise ValueError(other)


@routes.get("/api/links/{token}")
async def look(request: web.Request) -> web.Response:
    async with deps(request).database.begin() as database:
        return reply(_view(await links.read(database, request.match_info["token"], deps(request).now())))


@routes.post("/api/links/{token}")
async def use(request: web.Request) -> web.Response:
    """Sets the password, spends the link and signs in."""
    given = await parse(request, UseLink)
    d, token = deps(request), request.match_info["token"]
    async with d.database.begin() as database:
        link = await links.read(database, token, d.now())
        if link.account is None and (given.username is None or given.name is None):
            raise Invalid("invalid", field="username" if given.username is None else "name", reason="required")
    hashed = await request.app[PASSWORDS].hash(given.password)
    async with d.database.begin() as database:
        link = await links.read(database, token, d.now())
        account = await links.use(database, link, given, hashed, d.now())
        cookie = await sessions.start(database, account, request, d.now())
    response = reply(await me_of(request, account.id))
    sessions.set_cookie(response, d, cookie)
    return response
