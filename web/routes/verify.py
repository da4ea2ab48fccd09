"""Whether a meeting's log and files are as they were: asked for, and the last answer."""

from __future__ import annotations

from aiohttp import web

from meetings.queries import whole
from minutes.people import standing
from minutes.verify import Check, last_check, verify
from minutes.verify_words import Language, sentence
from web.doors import deps, reply, signed_in
from web.models.archive import Integrity
from web.routes.minutes import DESK, actor_of

routes = web.RouteTableDef()


@routes.post("/api/archive/{meeting}/verify")
async def check(request: web.Request) -> web.Response:
    """Checks the chain and every file now."""
    meeting = await _readable(request)
    known = deps(request)
    async with request.app[DESK].checking:
        report = await verify(known.database, known.chain, known.files, meeting, known.now())
    return reply(integrity(Check(report.checked_at, report.whole, report.findings), _language(request)))


@routes.get("/api/archive/{meeting}/integrity")
async def last(request: web.Request) -> web.Response:
    """The last check, or ``null``."""
    meeting = await _readable(request)
    async with deps(request).database.begin() as session:
        kept = await last_check(session, meeting)
    return reply(integrity(kept, _language(request)))


def integrity(kept: Check | None, language: Language = "vi") -> Integrity | None:
    """A check as the archive page shows it."""
    if kept is None:
        return None
    broken = tuple(sentence(finding, language) for finding in kept.findings)
    return Integrity(checked_at=kept.checked_at.isoformat(), whole=kept.whole, broken=broken)


async def _readable(request: web.Request) -> str:
    """The meeting, when who asks is invited. Raises ``NotFound``."""
    actor, meeting = actor_of(await signed_in(request)), request.match_info["meeting"]
    async with deps(request).database.begin() as session:
        standing(await whole(session, meeting), actor)
    return meeting


def _language(request: web.Request) -> Language:
    return "en" if request.headers.get("Accept-Language", "").lower().startswith("en") else "vi"
