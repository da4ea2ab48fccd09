"""The pages: two documents, the files they load, nothing else. What a page shows it asks of the API."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from meetings.errors import Unavailable
from web.errors import Handler

STATIC = Path(__file__).parent / "static"
PORTAL = (
    "/",
    "/sign-in",
    "/welcome/{token}",
    "/meetings",
    "/meetings/{tail:.*}",
    "/archive",
    "/archive/{tail:.*}",
    "/units",
    "/system",
    "/outbox",
    "/account",
)
"""Paths of the portal; the browser's own router tells them apart and asks for sign-in."""

routes = web.RouteTableDef()


def find(path: str) -> Path | None:
    """A file of the built client, ``None`` outside it and for hidden ones. Reads the disk: call it in a thread."""
    file = (STATIC / path).resolve()
    root = STATIC.resolve()
    if root not in file.parents or any(part.startswith(".") for part in file.relative_to(root).parts):
        return None
    return file if file.is_file() else None


async def _document(name: str, status: int = 200) -> web.StreamResponse:
    file = await asyncio.to_thread(find, name)
    if file is None:
        raise Unavailable("client_not_built")
    return web.FileResponse(file, status=status, headers={"Cache-Control": "no-cache"})


@web.middleware
async def lost(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An address that leads nowhere shows the portal's own page for that, with status 404."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        page = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        if not page or request.path.startswith(("/api/", "/static/")):
            raise
        return await _document("portal.html", status=404)


async def portal(request: web.Request) -> web.StreamResponse:
    return await _document("portal.html")


for _path in PORTAL:
    routes.get(_path)(portal)


@routes.get("/join/{ticket}")
async def room(request: web.Request) -> web.StreamResponse:
    return await _document("room.html")


@routes.get("/static/{path:.+}")
async def static(request: web.Request) -> web.StreamResponse:
    """Files under ``assets/`` bear the digest of their content in their name, so browsers keep them for good."""
    path = request.match_info["path"]
    file = await asyncio.to_thread(find, path)
    if file is None:
        raise web.HTTPNotFound
    keep = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
    return web.FileResponse(file, headers={"Cache-Control": keep})
