"""The post office: one durable job carries one letter to one site (ADR 0006).

At least once is all that mail allows. A letter that is repeated after a crash has the same Message-ID and the same
bytes; a delivery that is marked sent is never sent again by the same job. The jobs of one site share a lane, so a
CANCEL never overtakes its REQUEST.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.convene import ticket_until
from meetings.tickets import Ticket, Tickets
from scheduler.edition import Edition, Recipient, decode_edition, decode_recipient
from scheduler.letter import Purpose, purpose_of
from scheduler.mail import MailRefused, Transport
from scheduler.message import AddressInvalid, Envelope, mail
from scheduler.tables import DeliveryRow, EditionRow
from store.database import Database
from store.jobs import GiveUp, Jobs

JOB = "mail"
ATTEMPTS = 100
"""With the pauses of ``store.jobs.backoff`` about 16 hours: a mail server may be away for a night."""


async def enqueue(session: AsyncSession, jobs: Jobs, delivery: DeliveryRow) -> None:
    """Queues the letter with the transaction."""
    await jobs.enqueue(
        JOB,
        {"delivery": delivery.id, "copy": str(delivery.copy)},
        id=f"{JOB}.{delivery.id}.{delivery.copy}",
        session=session,
        lane=delivery.site_id,
    )


@dataclass(frozen=True)
class _Due:
    """A letter that is to leave now."""

    edition: Edition
    recipient: Recipient
    purpose: Purpose
    envelope: Envelope


class Post:
    """``base_url`` stands before the personal links, ``sender`` is a mail address with or without a name."""

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        tickets: Tickets,
        transport: Transport,
        *,
        base_url: str,
        sender: str,
        now: Callable[[], datetime],
    ) -> None:
        self._database, self._jobs, self._tickets, self._transport = database, jobs, tickets, transport
        self._base_url, self._sender, self._now = base_url, sender, now

    def register(self) -> None:
        """Before ``jobs.start()``."""
        self._jobs.register(JOB, self.carry, queue=JOB, attempts=ATTEMPTS)

    async def carry(self, payload: dict[str, str]) -> None:
        """Sends the letter unless it was sent, or a later one took its place. Raises what the job is to retry for."""
        delivery, copy = payload["delivery"], int(payload["copy"])
        due = await self._due(delivery, copy)
        if due is None:
            return
        try:
            await self._transport.send(await asyncio.to_thread(self._message, due))
        except (AddressInvalid, MailRefused) as error:
            await self._record(delivery, copy, error, final=True)
            raise GiveUp(str(error)) from error
        except Exception as error:
            if await self._record(delivery, copy, error, final=False):
                raise GiveUp(str(error)) from error
            raise
        await self._record(delivery, copy, None, final=True)

    async def _due(self, id: str, copy: int) -> _Due | None:
        async with self._database.begin() as session:
            delivery = await session.get(DeliveryRow, id)
            if delivery is None or delivery.state != "queued" or delivery.copy != copy:
                return None
            others = list(
                await session.scalars(
                    select(DeliveryRow).where(DeliveryRow.site_id == delivery.site_id, DeliveryRow.id != id)
                )
            )
            if _superseded(delivery, others):
                delivery.state = "superseded"
                return None
            edition = await session.get_one(EditionRow, (delivery.meeting_id, delivery.sequence))
            facts, method = decode_edition(edition.facts), "CANCEL" if delivery.method == "CANCEL" else "REQUEST"
            return _Due(
                facts,
                decode_recipient(delivery.recipient),
                purpose_of(method, facts, follows=_reached(delivery, others)),
                Envelope(method, delivery.sequence, delivery.copy, delivery.created_at),
            )

    def _message(self, due: _Due) -> EmailMessage:
        """Some 20 ms of work: not for the loop."""
        recipient, edition = due.recipient, due.edition
        ticket = Ticket(recipient.site, edition.meeting, recipient.serial, ticket_until(edition.ends_at))
        link = f"{self._base_url}/join/{self._tickets.sign(ticket)}"
        return mail(edition, recipient, due.purpose, due.envelope, sender=self._sender, link=link)

    async def _record(self, id: str, copy: int, error: Exception | None, *, final: bool) -> bool:
        """Writes down how the attempt ended; returns whether it was the last."""
        async with self._database.begin() as session:
            delivery = await session.get(DeliveryRow, id)
            if delivery is None or delivery.copy != copy:
                return True
            delivery.tries += 1
            delivery.error = (str(error) or repr(error))[:400] if error else ""
            final = final or delivery.tries >= ATTEMPTS
            if error is None:
                delivery.state, delivery.sent_at = "sent", self._now()
            elif final:
                delivery.state = "failed"
            return final


def _superseded(delivery: DeliveryRow, others: list[DeliveryRow]) -> bool:
    """A REQUEST by any later letter; a CANCEL when no REQUEST ever left for that address."""
    if delivery.method == "REQUEST":
        return any(other.sequence > delivery.sequence for other in others)
    return not _reached(delivery, others)


def _reached(delivery: DeliveryRow, others: list[DeliveryRow]) -> bool:
    """Whether the address holds, or may hold, an earlier invitation to this site."""
    return any(
        other.method == "REQUEST"
        and other.sequence < delivery.sequence
        and other.email == delivery.email
        and other.state in {"sent", "failed"}
        for other in others
    )
