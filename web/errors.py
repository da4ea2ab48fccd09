"""Where what the meeting refuses becomes HTTP: the only place of the pages that knows status numbers.

A refusal leaves as a ``Problem`` with a stable code. Anything unforeseen leaves as ``internal`` with an incident
number, under which the log holds the cause; nothing of the cause reaches the browser.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web

from meetings.errors import (
    Conflict,
    Invalid,
    MeetingError,
    NotAllowed,
    NotFound,
    Refused,
    Unavailable,
    WrongMoment,
)
from meetings.tickets import TicketExpired, TicketUnknown
from web.models.problem import Problem

log = logging.getLogger("nghisu.web")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NotSignedIn(MeetingError):
    """No session, or it has ended: sign in again."""

    code = "not_signed_in"


class WrongCredentials(MeetingError):
    """No such account, a wrong password, or a disabled account: which of them is not told."""

    code = "wrong_credentials"


class TooManyAttempts(MeetingError):
    """``facts["seconds"]`` says how long to wait."""

    code = "too_many_attempts"


class ForeignOrigin(MeetingError):
    """A state-changing request that did not come from a page of this installation."""

    code = "foreign_origin"


class LinkUnknown(MeetingError):
    code = "link_unknown"


class LinkSpent(MeetingError):
    """The one-time link was used before, replaced by a later one, or its time is over."""

    code = "link_spent"


STATUS: Mapping[type[MeetingError], int] = {
    NotAllowed: 403,
    WrongMoment: 409,
    NotFound: 404,
    Invalid: 400,
    Conflict: 409,
    Refused: 422,
    Unavailable: 503,
    TicketUnknown: 404,
    TicketExpired: 410,
    NotSignedIn: 401,
    WrongCredentials: 401,
    TooManyAttempts: 429,
    ForeignOrigin: 403,
    LinkUnknown: 404,
    LinkSpent: 410,
}
"""The status of each family; the nearest ancestor decides."""

_HTTP_CODES: Mapping[int, str] = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def status(error: MeetingError) -> int:
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)


def problem(code: str, number: int, **facts: str | int) -> web.Response:
    """A refusal as the browser reads it."""
    body = msgspec.json.encode(Problem(code, facts))
    response = web.Response(body=body, status=number, content_type="application/json")
    if "seconds" in facts and number == 429:
        response.headers["Retry-After"] = str(facts["seconds"])
    return response


@web.middleware
async def speak_http(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost door: no exception passes it, and no traceback."""
    try:
        return await handler(request)
    except MeetingError as error:
        return problem(error.code, status(error), **error.facts)
    except web.HTTPException as error:
        if error.status < 400 or not request.path.startswith("/api/"):
            raise
        return problem(_HTTP_CODES.get(error.status, "bad_request"), error.status)
    except ConnectionError:
        raise
    except Exception:
        incident = secrets.token_hex(4)
        log.exception("incident %s: %s %s", incident, request.method, _route(request))
        return problem("internal", 500, incident=incident)


def _route(request: web.Request) -> str:
    """The route's pattern, not the address: tickets and one-time links stay out of the log."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else request.path
