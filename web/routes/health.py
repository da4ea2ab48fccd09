from __future__ import annotations

from aiohttp import web

from web.doors import deps, reply

routes = web.RouteTableDef()


@routes.get("/healthz")
async def healthz(request: web.Request) -> web.Response:
    """200 when the server takes requests. ``now`` is its clock."""
    return reply({"status": "ready", "now": deps(request).now().isoformat()})
