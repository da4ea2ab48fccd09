"""The minutes of a meeting: read by the invited, written by the secretary, approved by the chair."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from minutes.approval import Approval
from minutes.book import Book, Present
from minutes.people import Actor
from minutes.ports import FilmTime
from minutes.state import Act
from web.deps import Deps
from web.doors import Identity, parse, reply, signed_in
from web.models.minutes import Content, MinutesView, OnRevision, ReturnMinutes, SaveMinutes

routes = web.RouteTableDef()


@dataclass(frozen=True)
class Desk:
    """Where minutes are worked on. ``checking``: a check reads every byte of a meeting, so one is made at a time."""

    book: Book
    approval: Approval
    film: FilmTime
    checking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def of(cls, deps: Deps) -> Desk:
        book = Book(deps.database, deps.chain, deps.film, deps.now)
        return cls(book, Approval(deps.database, deps.chain, deps.files, book, deps.now), deps.film)


DESK = web.AppKey("minutes", Desk)


@routes.get("/api/meetings/{meeting}/minutes")
async def read(request: web.Request) -> web.Response:
    """The minutes as they stand; drafted from the log at the first look after the adjournment."""
    return await _view(request, await _actor(request))


@routes.put("/api/meetings/{meeting}/minutes")
async def save(request: web.Request) -> web.Response:
    """Keeps the text. ``conflict`` when ``revision`` is not the last one."""
    actor, body = await _actor(request), await parse(request, SaveMinutes)
    await request.app[DESK].book.save(_meeting(request), actor, body.revision, body.content)
    return await _view(request, actor)


@routes.post("/api/meetings/{meeting}/minutes/submit")
async def submit(request: web.Request) -> web.Response:
    """From the secretary to the chair."""
    actor = await _actor(request)
    await request.app[DESK].book.submit(_meeting(request), actor, await _revision(request))
    return await _view(request, actor)


@routes.post("/api/meetings/{meeting}/minutes/return")
async def give_back(request: web.Request) -> web.Response:
    """From the chair back to the secretary, with a reason."""
    actor, body = await _actor(request), await parse(request, ReturnMinutes)
    await request.app[DESK].book.give_back(_meeting(request), actor, body.reason)
    return await _view(request, actor)


@routes.post("/api/meetings/{meeting}/minutes/approve")
async def approve(request: web.Request) -> web.Response:
    """The chair approves: number, PDF/A, seals; after this nothing changes."""
    actor = await _actor(request)
    await request.app[DESK].approval.approve(_meeting(request), actor, await _revision(request))
    return await _view(request, actor)


@routes.get("/api/meetings/{meeting}/minutes.pdf")
async def pdf(request: web.Request) -> web.StreamResponse:
    """The kept PDF/A of approved minutes, or the draft with its mark."""
    paper = await request.app[DESK].approval.pdf(_meeting(request), await _actor(request))
    headers = {
        "Content-Disposition": f"inline; filename=\"minutes.pdf\"; filename*=UTF-8''{quote(paper.name)}",
        "Content-Type": "application/pdf",
        "Cache-Control": "private, no-store",
    }
    if isinstance(paper.content, Path):
        return web.FileResponse(paper.content, headers=headers)
    return web.Response(body=paper.content, headers=headers)


def actor_of(identity: Identity) -> Actor:
    return Actor(identity.account, identity.name, identity.person)


async def _actor(request: web.Request) -> Actor:
    return actor_of(await signed_in(request))


def _meeting(request: web.Request) -> str:
    return request.match_info["meeting"]


async def _revision(request: web.Request) -> int | None:
    return (await parse(request, OnRevision)).revision if await request.read() else None


async def _view(request: web.Request, actor: Actor) -> web.Response:
    desk = request.app[DESK]
    seen = await desk.book.look(_meeting(request), actor)
    recording = await desk.film.recording(seen.meeting.id)
    return reply(await _body(seen, desk, f"/api/recordings/{recording}/film.mp4" if recording else None))


async def _body(seen: Present, desk: Desk, film_url: str | None) -> MinutesView:
    submitted, approved = seen.past.latest(Act.SUBMIT), seen.past.latest(Act.APPROVE)
    returned = seen.past.returned
    content: Content = await desk.book.timed(seen)
    return MinutesView(
        meeting=seen.meeting.id,
        title=seen.meeting.title,
        state=seen.past.state.value,
        revision=seen.past.last.revision,
        content=content,
        number=seen.past.last.number,
        submitted_at=submitted.at.isoformat() if submitted and returned is None else None,
        approved_at=approved.at.isoformat() if approved else None,
        approved_by=approved.name if approved else None,
        returned_reason=returned.reason if returned else "",
        may_edit=seen.may_write,
        may_submit=seen.may_write,
        may_approve=seen.may_approve,
        unit_name=seen.head.body,
        parent_name=seen.head.parent,
        film_url=film_url,
    )
