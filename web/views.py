"""Rows of meetings as the pages read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from msgspec import structs
from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.access import Role
from meetings.convene import deadline, missing
from meetings.meeting import Classification, Kind, Regime, State
from meetings.queries import draft_of, speaker
from meetings.tables import Meeting, Site
from scheduler.deliveries import Delivery, deliveries
from web.models.meetings import (
    AgendaItemDetail,
    Answer,
    MeetingDetail,
    MeetingSummary,
    Missing,
    SiteDetail,
)
from web.progress import Progress, progress_of
from web.sessions import Identity
from web.standing import Standing, seats_of, stand


def iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def site_view(row: Site, delivery: Delivery) -> SiteDetail:
    return SiteDetail(
        id=row.id,
        number=row.number,
        role=Role(row.role),
        unit=row.unit_id,
        person=row.person_id,
        name=row.name,
        person_name=row.person_name,
        person_title=row.person_title,
        email=row.email,
        answer=cast(Answer, row.answer),
        substitute_name=row.substitute_name,
        answer_note=row.answer_note,
        answered_at=iso(row.answered_at),
        delivery=delivery,
    )


async def detail(database: AsyncSession, row: Meeting, mine: Standing, now: datetime) -> MeetingDetail:
    """A meeting that ``meetings.queries.whole`` read. Mail addresses are for those who may edit it."""
    progress = (await progress_of(database, [row.id]))[row.id]
    edits = mine.convener or mine.administrator or mine.role is Role.SECRETARY
    sent = await deliveries(database, row.id) if edits else {}
    sites = [site_view(site, sent.get(site.id, "none")) for site in row.sites]
    state = State(row.state)
    return MeetingDetail(
        id=row.id,
        revision=row.revision,
        state=state,
        title=row.title,
        unit=row.unit_id,
        unit_name=row.unit.name if row.unit else "",
        starts_at=iso(row.starts_at),
        ends_at=iso(row.ends_at),
        regime=Regime(row.regime),
        kind=Kind(row.kind),
        classification=Classification(row.classification),
        urgent=row.urgent,
        place=row.place,
        request=row.request,
        contact=row.contact,
        signer_title=row.signer_title,
        signer_name=row.signer_name,
        turn_minutes=row.turn_minutes,
        microphones="free" if row.microphones == "free" else "by_floor",
        lobby=row.lobby,
        agenda=tuple(AgendaItemDetail(i.id, i.number, i.title, i.minutes, i.presenter) for i in row.agenda),
        sites=tuple(sites if edits else [_without_address(site, mine.site) for site in sites]),
        deadline=iso(deadline(Regime(row.regime), row.starts_at, row.urgent)),
        missing=tuple(Missing(m.what, m.section, m.blocks) for m in missing(draft_of(row), now)) if edits else (),
        changed_since_invited=(
            state is State.INVITED
            and row.invited_at is not None
            and row.changed_at is not None
            and row.changed_at > row.invited_at
        ),
        invited_at=iso(row.invited_at),
        opened_at=iso(row.opened_at),
        adjourned_at=iso(row.adjourned_at),
        cancelled_at=iso(row.cancelled_at),
        cancel_reason=row.cancel_reason,
        my_site=mine.site,
        my_role=mine.role,
        may_edit=mine.may_edit,
        minutes_state=progress.minutes,
        recording_state=progress.recording,
    )


def _without_address(site: SiteDetail, mine: str | None) -> SiteDetail:
    if site.id == mine:
        return site
    return structs.replace(site, email="", answer_note="")


async def summaries(database: AsyncSession, rows: Sequence[Meeting], identity: Identity) -> list[MeetingSummary]:
    """Meetings read with their unit, as one line each."""
    ids = [row.id for row in rows]
    seats = await seats_of(database, identity.person, ids)
    progress = await progress_of(database, ids)
    answers: dict[str, Counter[str]] = {meeting: Counter() for meeting in ids}
    for meeting, answer in await database.execute(
        select(Site.meeting_id, case((Site.role == Role.CHAIR, "accepted"), else_=Site.answer)).where(
            Site.meeting_id.in_(ids)
        )
    ):
        answers[meeting][answer] += 1
    chairs = await database.scalars(select(Site).where(Site.meeting_id.in_(ids), Site.role == Role.CHAIR))
    chair = {site.meeting_id: speaker(site) for site in chairs}
    return [
        _summary(row, stand(row, identity, seats.get(row.id)), answers[row.id], chair.get(row.id, ""), progress[row.id])
        for row in rows
    ]


def _summary(row: Meeting, mine: Standing, answers: Counter[str], chair: str, progress: Progress) -> MeetingSummary:
    """The chair is not asked whether the chair comes: that site counts as accepted."""
    return MeetingSummary(
        id=row.id,
        title=row.title,
        state=State(row.state),
        unit_name=row.unit.name if row.unit else "",
        starts_at=iso(row.starts_at),
        ends_at=iso(row.ends_at),
        chair=chair,
        my_role=mine.role,
        my_site=mine.site,
        sites=answers.total(),
        answered=answers.total() - answers["none"],
        accepted=answers["accepted"] + answers["substitute"],
        deadline=iso(_deadline(row)),
        may_edit=mine.may_edit,
        minutes_state=progress.minutes,
        recording_state=progress.recording,
    )


def _deadline(row: Meeting) -> datetime | None:
    return deadline(Regime(row.regime), row.starts_at, row.urgent)
