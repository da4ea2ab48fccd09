"""*Hôm nay*: what comes next, what the day holds, what waits for me."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from aiohttp import web
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import joinedload

from meetings.access import Role
from meetings.convene import answer_due, deadline, minutes_due
from meetings.meeting import Regime, State
from meetings.queries import visible
from meetings.tables import Meeting, Site
from meetings.working_days import VIETNAM
from web.doors import deps, reply, signed_in
from web.models.meetings import MeetingSummary, Today, Todo
from web.progress import Progress, progress_of
from web.standing import Standing, seats_of, stand
from web.views import iso, summaries

routes = web.RouteTableDef()


@routes.get("/api/today")
async def today(request: web.Request) -> web.Response:
    identity = await signed_in(request)
    now = deps(request).now()
    morning = now.astimezone(VIETNAM).replace(hour=0, minute=0, second=0, microsecond=0)
    night = morning + timedelta(days=1)
    mine = visible(identity.account, identity.person)
    open_states = (State.DRAFT, State.INVITED, State.LIVE, State.ADJOURNED)
    async with deps(request).database.begin() as database:
        rows = list(
            await database.scalars(
                select(Meeting)
                .where(
                    mine,
                    or_(
                        Meeting.state.in_(open_states),
                        and_(Meeting.starts_at >= morning, Meeting.starts_at < night),
                    ),
                )
                .options(joinedload(Meeting.unit))
                .order_by(Meeting.starts_at.asc().nulls_last(), Meeting.created_at)
            )
        )
        lines = {line.id: line for line in await summaries(database, rows, identity)}
        ids = [row.id for row in rows]
        progress = await progress_of(database, ids)
        seats = await seats_of(database, identity.person, ids)
        sites = {
            site.id: site
            for site in await database.scalars(select(Site).where(Site.id.in_([seat[0] for seat in seats.values()])))
        }
    todos = [
        todo
        for row in rows
        for todo in waiting(
            row, stand(row, identity, seats.get(row.id)), sites.get(seats.get(row.id, ("",))[0]), progress[row.id], now
        )
    ]
    return reply(
        Today(
            now=now.isoformat(),
            next=_next(rows, lines, now),
            today=tuple(
                lines[row.id]
                for row in rows
                if row.starts_at
                and morning <= row.starts_at < night
                and row.state not in {State.DRAFT, State.CANCELLED}
            ),
            todos=tuple(sorted(todos, key=lambda todo: todo.due or "9999")),
        )
    )


def _next(rows: Sequence[Meeting], lines: dict[str, MeetingSummary], now: datetime) -> MeetingSummary | None:
    """The meeting that is live, else the one that begins first and is not over."""
    coming = [row for row in rows if row.state == State.INVITED and row.ends_at and row.ends_at > now]
    live = [row for row in rows if row.state == State.LIVE]
    first = next(iter([*live, *coming]), None)
    return lines[first.id] if first else None


def waiting(row: Meeting, mine: Standing, site: Site | None, progress: Progress, now: datetime) -> Iterable[Todo]:
    """What one meeting asks of me."""

    def todo(
        what: Literal["answer", "write_minutes", "approve_minutes", "send_invitation"], due: datetime | None
    ) -> Todo:
        return Todo(what=what, meeting=row.id, title=row.title, due=iso(due), site=mine.site)

    match mine.state:
        case State.DRAFT if mine.convener:
            yield todo("send_invitation", deadline(Regime(row.regime), row.starts_at, row.urgent))
        case State.INVITED if site and site.answer == "none" and site.role != Role.CHAIR:
            if row.starts_at and row.starts_at > now:
                yield todo("answer", answer_due(row.starts_at, now))
        case State.ADJOURNED if row.adjourned_at:
            due = minutes_due(row.adjourned_at)
            writes = mine.role is Role.SECRETARY or mine.convener
            if progress.minutes in {"none", "draft"} and writes:
                yield todo("write_minutes", due)
            if progress.minutes == "submitted" and mine.role is Role.CHAIR:
                yield todo("approve_minutes", due)
        case _:
            return
