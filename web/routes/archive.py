"""The archive: finished meetings, what happened in them, and the film, for those who were invited alone."""

from __future__ import annotations

from typing import cast
from urllib.parse import quote

from aiohttp import web
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from meetings.access import Role
from meetings.errors import NotFound
from meetings.events import Entry, decode
from meetings.meeting import State
from meetings.queries import speaker, visible
from meetings.tables import Meeting
from minutes.attendance import stays
from minutes.verify import last_check
from recordings.archive import Archive, Film, Story
from recordings.tables import RecordingRow
from store.files import FileRow
from web.doors import Identity, deps, reply, signed_in
from web.models import archive as views
from web.progress import progress_of
from web.routes.verify import integrity
from web.views import iso

routes = web.RouteTableDef()
LONGEST_LIST = 500

ARCHIVE = web.AppKey("archive", Archive)
"""``server.py`` sets it before the application listens."""


@routes.get("/api/archive")
async def index(request: web.Request) -> web.Response:
    """The meetings that are over or were recorded, the latest first."""
    identity = await signed_in(request)
    recorded = select(RecordingRow.id).where(RecordingRow.meeting == Meeting.id).exists()
    async with deps(request).database.begin() as session:
        rows = list(
            await session.scalars(
                select(Meeting)
                .where(
                    visible(identity.account, identity.person),
                    or_(Meeting.state.in_((State.ADJOURNED, State.APPROVED)), recorded),
                )
                .options(joinedload(Meeting.unit), selectinload(Meeting.sites))
                .order_by(Meeting.opened_at.desc())
                .limit(LONGEST_LIST)
            )
        )
        progress = await progress_of(session, [row.id for row in rows])
    seconds = await request.app[ARCHIVE].seconds([row.id for row in rows])
    return reply(
        [
            views.ArchiveSummary(
                meeting=row.id,
                title=row.title,
                unit_name=row.unit.name if row.unit else "",
                opened_at=iso(row.opened_at) or "",
                seconds=seconds.get(row.id, 0.0),
                sites=len(row.sites),
                state=progress[row.id].recording,
                minutes_state=progress[row.id].minutes,
            )
            for row in rows
        ]
    )


@routes.get("/api/archive/{meeting}")
async def one(request: web.Request) -> web.Response:
    """What happened, when it is seen in the film, who was present. Raises ``NotFound`` for strangers."""
    identity = await signed_in(request)
    known = deps(request)
    row = await _meeting(request, identity, request.match_info["meeting"])
    async with known.database.begin() as session:
        progress = (await progress_of(session, [row.id]))[row.id]
        checked = await last_check(session, row.id)
    entries = [Entry(line.seq, line.at, decode(line.payload)) for line in await known.chain.read(row.id)]
    story = await request.app[ARCHIVE].story(row.id, entries)
    names = {site.id: site.name for site in row.sites}
    roles = {site.role for site in row.sites if site.person_id and site.person_id == identity.person}
    return reply(
        views.ArchiveDetail(
            meeting=row.id,
            title=row.title,
            unit_name=row.unit.name if row.unit else "",
            chair=next((speaker(site) for site in row.sites if site.role == Role.CHAIR), ""),
            opened_at=iso(row.opened_at) or "",
            adjourned_at=iso(row.adjourned_at),
            film=film(story.film, names) if story.film else None,
            films=tuple(film(each, names) for each in story.films),
            moments=_moments(story, names),
            presence=_presence(row, entries, names),
            minutes_state=progress.minutes,
            integrity=integrity(checked),
            may_write_minutes=Role.SECRETARY in roles or row.created_by == identity.account,
        )
    )


@routes.get("/api/recordings/{recording}/film.mp4")
async def play(request: web.Request) -> web.StreamResponse:
    """The film, whole or in ranges; ``?download`` asks the browser to keep it."""
    identity = await signed_in(request)
    known = deps(request)
    recording = await request.app[ARCHIVE].recording(request.match_info["recording"])
    if recording is None:
        raise NotFound("film_unknown")
    await _meeting(request, identity, recording.meeting)
    async with known.database.begin() as session:
        row = await session.get(FileRow, recording.film_id) if recording.film_id else None
    if row is None:
        raise NotFound("film_not_ready")
    how = "attachment" if "download" in request.query else "inline"
    return web.FileResponse(
        known.files.path(row),
        headers={
            "Content-Type": row.media_type,
            "Content-Disposition": f"{how}; filename*=UTF-8''{quote(row.name, safe='')}",
            "Cache-Control": "private, no-cache",
        },
    )


async def _meeting(request: web.Request, identity: Identity, meeting: str) -> Meeting:
    """The meeting, to who is invited or convened it: an office alone, even an administrator's, opens nothing here."""
    async with deps(request).database.begin() as session:
        row = await session.scalar(
            select(Meeting)
            .where(Meeting.id == meeting, visible(identity.account, identity.person))
            .options(joinedload(Meeting.unit), selectinload(Meeting.sites))
        )
    if row is None:
        raise NotFound("meeting_unknown")
    return row


def film(seen: Film, names: dict[str, str]) -> views.Film:
    row = seen.row
    return views.Film(
        recording=row.id,
        state=cast("views.RecordingState", row.state),
        progress=round(row.progress, 4),
        seconds=row.seconds,
        started_at=row.started_at.isoformat(),
        url=f"/api/recordings/{row.id}/film.mp4" if row.state == "ready" else None,
        bytes=row.bytes,
        sha256=row.sha256,
        chapters=tuple(views.Chapter(c.number, c.title, c.start / 1000, c.end / 1000) for c in seen.chapters),
        gaps=tuple(views.GapView(names.get(gap.site, ""), gap.start, gap.seconds) for gap in seen.gaps),
    )


def _moments(story: Story, names: dict[str, str]) -> tuple[views.MomentView, ...]:
    return tuple(
        views.MomentView(
            seq=moment.seq,
            at=moment.at.isoformat(),
            film=moment.film,
            kind=moment.kind,
            site_name=names.get(moment.site) if moment.site else None,
            detail=moment.detail,
        )
        for moment in story.moments
    )


def _presence(row: Meeting, entries: list[Entry], names: dict[str, str]) -> tuple[views.PresenceView, ...]:
    if row.opened_at is None or not entries:
        return ()
    present = stays(entries, row.opened_at, row.adjourned_at or entries[-1].at)
    return tuple(
        views.PresenceView(
            site_name=names.get(site, ""),
            person=", ".join(stay.persons),
            people=stay.people,
            spans=tuple((begin.isoformat(), end.isoformat()) for begin, end in stay.spans),
        )
        for site, stay in present.items()
    )
