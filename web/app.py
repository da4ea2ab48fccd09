"""The web application: routes behind their doors. ``server.py`` fills ``Deps`` and listens."""

from __future__ import annotations

from aiohttp import web

from web import pages
from web.deps import DEPS, PASSWORDS, Deps
from web.doors import MAX_BODY
from web.errors import speak_http
from web.guard import protect, same_origin
from web.passwords import Passwords
from web.routes import (
    accounts,
    archive,
    health,
    invitations,
    join,
    links,
    meetings,
    metrics,
    minutes,
    outbox,
    people,
    sign_in,
    today,
    units,
    verify,
    whip,
)
from web.routes.minutes import DESK, Desk

ROUTES = (
    health, sign_in, links, accounts, units, people, today, meetings, invitations, outbox, join, minutes, verify,
    archive, whip, metrics, pages,
)  # fmt: skip


def build(deps: Deps) -> web.Application:
    """The application, not yet listening."""
    app = web.Application(middlewares=[speak_http, same_origin, pages.lost], client_max_size=MAX_BODY)
    app[DEPS] = deps
    app[PASSWORDS] = Passwords()
    app[DESK] = Desk.of(deps)
    app.on_response_prepare.append(protect)
    for module in ROUTES:
        app.add_routes(module.routes)
    return app
