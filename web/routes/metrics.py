"""What operators look at: numbers for monitoring, the state of every relay, and the page *Hệ thống*."""

from __future__ import annotations

import asyncio
import hmac
from ipaddress import IPv6Address, ip_address

from aiohttp import web

from web.deps import DEPS
from web.doors import allowed, deps, reply
from web.models.system import RelayView, SystemView
from web.reading import RelayReading, read

routes = web.RouteTableDef()
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
"""What a proxy adds: behind one, a connection from this machine is somebody else's."""


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """Prometheus text, or OpenMetrics for who accepts it. Not found for strangers."""
    from web.metrics import text

    _open_to_operators(request)
    reading = await read(deps(request))
    body, content_type = await asyncio.to_thread(text, reading, request.headers.get("Accept", ""))
    return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


@routes.get("/health/relays")
async def relays(request: web.Request) -> web.Response:
    """The state of every relay down to each slot (``docs/metrics.md``). Not found for strangers."""
    _open_to_operators(request)
    return reply(await deps(request).relays.dump())


@routes.get("/api/system")
async def system(request: web.Request) -> web.Response:
    """How the machines do now, for the administrator."""
    await allowed(request, "watch_system")
    reading = await read(deps(request))
    return reply(
        SystemView(
            meetings=reading.rooms.get("meetings", 0),
            seats=reading.rooms.get("seats", 0),
            recorder=reading.recorder,
            relays=tuple(map(_view, reading.relays)),
        )
    )


def _view(reading: RelayReading) -> RelayView:
    told = reading.metrics
    if told is None:
        return RelayView(reading.relay, False, reading.load, 0, 0, 0, 0, 0, False, 0, 0)
    return RelayView(
        relay=reading.relay,
        answers=True,
        load=reading.load,
        started=told.started,
        meetings=told.routers,
        endpoints=told.endpoints,
        packets=told.packets_received + told.packets_sent,
        drops=told.receive_drops + told.send_drops,
        segments=told.segments,
        udp=told.udp,
        tcp=told.tcp,
    )


def _open_to_operators(request: web.Request) -> None:
    """Lets in who asks from this machine, or bears the token of the settings. Raises ``HTTPNotFound``."""
    token = request.app[DEPS].metrics_token
    scheme, _, offered = request.headers.get("Authorization", "").partition(" ")
    bearer = scheme.lower() == "bearer" and offered.strip()
    if token and bearer and hmac.compare_digest(bearer.encode(), token.encode()):
        return
    if not from_here(request):
        raise web.HTTPNotFound


def from_here(request: web.Request) -> bool:
    """Whether the request comes from this machine, and not by way of a proxy on it."""
    if any(header in request.headers for header in FORWARDED):
        return False
    try:
        address = ip_address(request.remote or "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
