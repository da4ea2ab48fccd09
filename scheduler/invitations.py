"""Invite, change, cancel, send again: each in the transaction of the caller, letters queued with it (ADR 0006)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import structs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.convene import check_complete
from meetings.errors import NotFound, WrongMoment
from meetings.meeting import Act, State, after
from meetings.queries import draft_of, whole
from meetings.tables import Meeting
from scheduler.edition import Edition, decode_edition, decode_recipient, edition_of, encode, recipients_of
from scheduler.plan import Letter, plan
from scheduler.post import enqueue
from scheduler.tables import DeliveryRow, EditionRow
from store.base import new_id
from store.jobs import Jobs


async def invite(session: AsyncSession, jobs: Jobs, meeting: str, now: datetime) -> int:
    """Sends what is due: the invitation, or after a change its next edition. Returns how many letters were queued.

    A site on the list gets a REQUEST when it holds none or an older one, a site taken off gets a CANCEL, and a letter
    that failed is tried anew. New dates make earlier answers void. Raises ``NotFound``, ``WrongMoment`` when the
    meeting is not to be invited to, ``Refused`` *invitation_incomplete*.
    """
    row = await whole(session, meeting, for_change=True)
    following = after(State(row.state), Act.INVITE)
    check_complete(draft_of(row), now)
    edition, earlier = edition_of(row), await _edition(session, row)
    latest = await _latest(session, meeting)
    held = {site: delivery for site, delivery in latest.items() if delivery.method == "REQUEST"}
    todo = plan(
        {site: decode_recipient(delivery.recipient) for site, delivery in held.items()},
        {site for site, delivery in held.items() if delivery.state == "failed"},
        recipients_of(row),
        changed=earlier is not None and edition != earlier,
    )
    if todo.raises:
        row.sequence += 1
    if earlier is None or todo.raises:
        session.add(EditionRow(meeting_id=row.id, sequence=row.sequence, facts=encode(edition), created_at=now))
    if earlier is not None and (earlier.starts_at, earlier.ends_at) != (edition.starts_at, edition.ends_at):
        _ask_again(row)
    row.state, row.invited_at = following, now
    await _queue(session, jobs, row, todo.letters, now)
    for site in todo.again:
        await _again(session, jobs, held[site], now)
    return len(todo.letters) + len(todo.again)


async def cancel(session: AsyncSession, jobs: Jobs, meeting: str, reason: str, now: datetime) -> int:
    """Calls the meeting off: a CANCEL to every site that holds a REQUEST. Returns how many letters were queued.

    Raises ``NotFound`` and ``WrongMoment``.
    """
    row = await whole(session, meeting, for_change=True)
    row.state = after(State(row.state), Act.CANCEL)
    row.cancelled_at, row.cancel_reason = now, reason.strip()
    earlier = await _edition(session, row)
    if earlier is None:
        return 0
    row.sequence += 1
    called_off = structs.replace(earlier, cancelled=True, reason=row.cancel_reason)
    session.add(EditionRow(meeting_id=row.id, sequence=row.sequence, facts=encode(called_off), created_at=now))
    latest = await _latest(session, meeting)
    holders = [decode_recipient(d.recipient) for d in latest.values() if d.method == "REQUEST"]
    await _queue(session, jobs, row, [Letter("CANCEL", recipient) for recipient in holders], now)
    return len(holders)


async def resend(session: AsyncSession, jobs: Jobs, meeting: str, site: str, now: datetime) -> None:
    """Sends the invitation that a site already has once more, unchanged.

    Raises ``NotFound`` *site_unknown* when the site was never invited and ``WrongMoment`` *not_invited* when the
    meeting is not waiting for its guests.
    """
    row = await whole(session, meeting, for_change=True)
    if State(row.state) not in {State.INVITED, State.LIVE}:
        raise WrongMoment("not_invited", state=row.state)
    delivery = (await _latest(session, meeting)).get(site)
    if delivery is None or delivery.method != "REQUEST":
        raise NotFound("site_unknown")
    if delivery.state != "queued":
        await _again(session, jobs, delivery, now)


async def _queue(session: AsyncSession, jobs: Jobs, row: Meeting, letters: Iterable[Letter], now: datetime) -> None:
    queued = [
        DeliveryRow(
            id=new_id(),
            meeting_id=row.id,
            site_id=letter.recipient.site,
            sequence=row.sequence,
            method=letter.method,
            recipient=encode(letter.recipient),
            email=letter.recipient.email,
            state="queued",
            copy=0,
            created_at=now,
        )
        for letter in letters
    ]
    session.add_all(queued)
    await session.flush()
    for delivery in queued:
        await enqueue(session, jobs, delivery)


async def _again(session: AsyncSession, jobs: Jobs, delivery: DeliveryRow, now: datetime) -> None:
    delivery.state, delivery.error, delivery.tries, delivery.created_at = "queued", "", 0, now
    delivery.copy += 1
    await session.flush()
    await enqueue(session, jobs, delivery)


async def _edition(session: AsyncSession, row: Meeting) -> Edition | None:
    """The last one sent."""
    found = await session.scalar(
        select(EditionRow).where(EditionRow.meeting_id == row.id).order_by(EditionRow.sequence.desc()).limit(1)
    )
    return decode_edition(found.facts) if found else None


async def _latest(session: AsyncSession, meeting: str) -> dict[str, DeliveryRow]:
    """The last letter to each site; of two with one SEQUENCE the REQUEST, which went to the new address."""
    rows = await session.scalars(
        select(DeliveryRow).where(DeliveryRow.meeting_id == meeting).order_by(DeliveryRow.sequence, DeliveryRow.method)
    )
    return {row.site_id: row for row in rows}


def _ask_again(row: Meeting) -> None:
    for site in row.sites:
        site.answer, site.substitute_name, site.answer_note, site.answered_at = "none", "", "", None
