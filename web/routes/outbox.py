"""Mail that waits in the outbox folder while no mail server is set."""

from __future__ import annotations

from aiohttp import web

from scheduler.outbox import Outbox
from web.doors import allowed, deps, reply
from web.models.meetings import MailSummary, MailView

routes = web.RouteTableDef()


def _outbox(request: web.Request) -> Outbox:
    return Outbox(deps(request).var / "outbox")


@routes.get("/api/outbox")
async def index(request: web.Request) -> web.Response:
    """The newest letters."""
    await allowed(request, "read_outbox")
    letters = await _outbox(request).list()
    return reply([MailSummary(kept.name, kept.at.isoformat(), kept.to, kept.subject, kept.method) for kept in letters])


@routes.get("/api/outbox/{name}")
async def show(request: web.Request) -> web.Response:
    """One letter, opened; as the file itself with ``?as=file``, for a mail program."""
    await allowed(request, "read_outbox")
    name = request.match_info["name"]
    if request.query.get("as") == "file":
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=await _outbox(request).raw(name), content_type="message/rfc822", headers=headers)
    opened = await _outbox(request).read(name)
    return reply(
        MailView(
            name=opened.name,
            at=opened.at.isoformat(),
            to=opened.to,
            sender=opened.sender,
            subject=opened.subject,
            text=opened.text,
            calendar=opened.calendar,
            links=opened.links,
        )
    )
