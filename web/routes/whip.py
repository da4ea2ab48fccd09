"""The doors of encoders and players: WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep), by the ticket of an invitation.

One POST of an SDP offer opens a visit, DELETE of its address ends it. Trickle ICE and ICE restarts are not offered:
PATCH is answered 405. Players run on pages of other origins, and no cookie counts here, so every origin may ask.
"""

from __future__ import annotations

from aiohttp import web

from meetings.errors import Invalid, MeetingError, Unavailable
from meetings.tickets import TicketExpired, TicketUnknown
from signaling.doors.porter import Admitted, Porter
from signaling.doors.terms import NotAcceptable
from signaling.rules.watching import InLobby
from web.errors import Handler, problem, status

PORTER = web.AppKey("porter", Porter)

MAX_OFFER = 64 * 1024
"""Bytes of an offer; one of a browser has about 7,000."""
RETRY = "5"
"""Seconds after which to knock again, where that may help."""
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Retry-After, WWW-Authenticate",
    "Access-Control-Max-Age": "86400",
}

routes = web.RouteTableDef()


class TicketMissing(MeetingError):
    """No ``Authorization: Bearer`` came with the request."""

    code = "ticket_missing"


class NoSdp(MeetingError):
    code = "content_type_unsupported"


class TooLarge(MeetingError):
    code = "too_large"


class NoSuchMethod(MeetingError):
    code = "method_not_allowed"


FORBIDDEN = frozenset({"refused_entry"})
STATUS: dict[type[MeetingError], int] = {
    TicketMissing: 401,
    TicketUnknown: 401,
    TicketExpired: 401,
    NoSdp: 415,
    TooLarge: 413,
    NoSuchMethod: 405,
    NotAcceptable: 406,
    InLobby: 409,
}
"""Where these doors differ from the pages': a bearer token that does not hold is a failed sign-in (RFC 6750)."""


def door(handler: Handler) -> Handler:
    """Every answer may be read by every origin; a refusal is a ``Problem``."""

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            response = await handler(request)
        except MeetingError as error:
            response = _refusal(error)
        response.headers.update(CORS)
        return response

    return answered


@routes.post("/whip")
@door
async def publish(request: web.Request) -> web.StreamResponse:
    """An encoder takes its site's seat. ``?people=`` says how many heads are before it."""
    ticket, offer = _ticket(request), await _offer(request)
    return _created(request, await request.app[PORTER].admit_encoder(ticket, offer, _people(request)))


@routes.post("/whep")
@door
async def play(request: web.Request) -> web.StreamResponse:
    """A player is shown the stage; it takes no seat."""
    ticket, offer = _ticket(request), await _offer(request)
    return _created(request, await request.app[PORTER].admit_player(ticket, offer))


@routes.delete("/whip/{visit}")
@routes.delete("/whep/{visit}")
@door
async def leave(request: web.Request) -> web.StreamResponse:
    await request.app[PORTER].see_off(_ticket(request), request.match_info["visit"])
    return web.Response()


@routes.route("OPTIONS", "/whip")
@routes.route("OPTIONS", "/whep")
@routes.route("OPTIONS", "/whip/{visit}")
@routes.route("OPTIONS", "/whep/{visit}")
@door
async def options(request: web.Request) -> web.StreamResponse:
    return web.Response(headers={"Accept-Post": "application/sdp"})


@routes.route("*", "/whip")
@routes.route("*", "/whep")
@routes.route("*", "/whip/{visit}")
@routes.route("*", "/whep/{visit}")
@door
async def other(request: web.Request) -> web.StreamResponse:
    """GET tells nothing; what is reserved for later versions of the standards is refused (RFC 9725 section 4)."""
    if request.method in {"GET", "HEAD"}:
        return web.Response(status=204)
    raise NoSuchMethod


def _ticket(request: web.Request) -> str:
    """The bearer token. A whole personal link does as well: its last part is the ticket. Raises ``TicketMissing``."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TicketMissing
    return token.strip().rpartition("/")[2]


async def _offer(request: web.Request) -> str:
    """Raises ``NoSdp``, ``TooLarge`` or ``Invalid``."""
    if request.content_type != "application/sdp":
        raise NoSdp
    if (request.content_length or 0) > MAX_OFFER:
        raise TooLarge
    body = await request.read()
    if len(body) > MAX_OFFER:
        raise TooLarge
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Invalid("sdp_malformed", reason="not UTF-8") from error


def _people(request: web.Request) -> int | None:
    given = request.query.get("people")
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:6]) <= 10_000):
        raise Invalid("invalid", field="people")
    return int(given)


def _created(request: web.Request, admitted: Admitted) -> web.Response:
    response = web.Response(
        status=201,
        body=admitted.answer.encode(),
        content_type="application/sdp",
        headers={"Location": f"{request.path}/{admitted.id}", "ETag": f'"{admitted.generation}"'},
    )
    for server in admitted.ice_servers:
        for url in server.urls:
            response.headers.add("Link", link(url, server.username, server.credential))
    return response


def link(url: str, username: str, credential: str) -> str:
    """An ICE server as a ``Link`` header tells it (RFC 9725 section 4.6)."""
    return f'<{url}>; rel="ice-server"; username="{username}"; credential="{credential}"; credential-type="password"'


def _refusal(error: MeetingError) -> web.Response:
    known = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), None)
    number = 403 if error.code in FORBIDDEN else known or status(error)
    response = problem(error.code, number, **error.facts)
    if number == 401:
        missing = isinstance(error, TicketMissing)
        response.headers["WWW-Authenticate"] = "Bearer" if missing else 'Bearer error="invalid_token"'
    elif number == 405:
        response.headers["Allow"] = "POST, DELETE, OPTIONS"
    elif isinstance(error, InLobby | Unavailable):
        response.headers["Retry-After"] = RETRY
    return response
