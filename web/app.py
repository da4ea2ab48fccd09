"""The web application: routes behind their doors. ``server.py`` fills ``Deps`` and listens."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from aiohttp import web

from web import pages
from web.deps import DEPS, PASSWORDS, Deps
from web.doors import MAX_BODY
from web.errors import speak_http
from web.guard import protect, same_origin
from web.passwords import Passwords
from web.routes import accounts, health, join, links, meetings, minutes, people, sign_in, today, units, verify
from web.routes.minutes import DESK, Desk

NEIGHBOURS = ("archive", "outbox", "invitations")


def build(deps: Deps) -> web.Application:
    """The application, not yet listening."""
    app = web.Application(middlewares=[speak_http, same_origin], client_max_size=MAX_BODY)
    app[DEPS] = deps
    app[PASSWORDS] = Passwords()
    app[DESK] = Desk.of(deps)
    app.on_response_prepare.append(protect)
    for module in (health, sign_in, links, accounts, units, people, today, meetings, join, minutes, verify, pages):
        app.add_routes(module.routes)
    for name in NEIGHBOURS:
        if find_spec(f"web.routes.{name}"):
            app.add_routes(import_module(f"web.routes.{name}").routes)
    return app
