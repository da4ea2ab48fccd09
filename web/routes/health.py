from __future__ import annotations

from aiohttp import web

from web.doors import deps, reply

routes = web.RouteTableDef()


@routes.get("/healthz")
async def healthz(request: web.Request) -> web.Response:
    """200 when the server takes requests. ``now`` is its clock; ``relay`` and ``recorder`` say who is connected,
    ``relays`` how many."""
    the = deps(request)
    return reply({"status": "ready", "now": the.now().isoformat(), **the.rooms.processes()})
