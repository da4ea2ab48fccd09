"""A meeting with guests, and a mail server that keeps what it takes: for tests of invitations."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, Envelope, Session
from icalendar import Calendar, Event

from meetings.access import Role
from meetings.tables import AgendaItem, Meeting, Site, Unit
from meetings.tickets import Tickets
from scheduler.edition import Edition, Item, Recipient
from scheduler.mail import Transport
from scheduler.post import Post
from store.database import Database
from store.jobs import Jobs

NOW = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)
STARTS, ENDS = datetime(2026, 11, 25, 1, 0, tzinfo=UTC), datetime(2026, 11, 25, 4, 30, tzinfo=UTC)
BASE_URL = "https://hop.hatinh.example"
SENDER = "Văn phòng UBND tỉnh <hop@hatinh.example>"
TICKETS = Tickets(b"a secret of the tests, 32 bytes!")
LIMIT = 120.0

EDITION = Edition(
    meeting="11111111111111111111111111111111",
    title="Giao ban công tác tháng 11; triển khai nhiệm vụ tháng 12",
    body="Ủy ban nhân dân tỉnh Hà Tĩnh",
    chair="Chủ tịch Nguyễn Văn An",
    starts_at=STARTS,
    ends_at=ENDS,
    place="Phòng họp số 1, trụ sở UBND tỉnh",
    agenda=(Item("Báo cáo kết quả công tác tháng 11", 30), Item("Giải phóng mặt bằng, đường ven biển", 45)),
    request="Các xã chuẩn bị báo cáo, gửi trước ngày 20/11.",
    contact="Phòng Tổng hợp, 0239 3855 000",
    signer_title="CHÁNH VĂN PHÒNG",
    signer_name="Lê Văn Bình",
)
GUEST = Recipient(
    site="22222222222222222222222222222222",
    site_name="Xã Hương Sơn",
    person="Chủ tịch Trần Thị Hoa",
    role=Role.DELEGATE,
    email="vanphong@huongson.example",
)


async def convene(database: Database, sites: int = 3, by: str = "thuky") -> str:
    """A draft that lacks nothing: one chair, a secretary, and delegates with addresses. Returns its id."""
    async with database.begin() as session:
        unit = Unit(name="Ủy ban nhân dân tỉnh Hà Tĩnh", short_name="UBND tỉnh Hà Tĩnh", symbol="UBND")
        session.add(unit)
        await session.flush()
        meeting = Meeting(
            unit_id=unit.id,
            title=EDITION.title,
            starts_at=STARTS,
            ends_at=ENDS,
            place=EDITION.place,
            request=EDITION.request,
            contact=EDITION.contact,
            signer_title=EDITION.signer_title,
            signer_name=EDITION.signer_name,
            created_by=by,
            created_at=NOW,
        )
        session.add(meeting)
        await session.flush()
        session.add_all(
            AgendaItem(meeting_id=meeting.id, number=number, title=item.title, minutes=item.minutes)
            for number, item in enumerate(EDITION.agenda, 1)
        )
        session.add_all(seat(meeting.id, number) for number in range(1, sites + 1))
        return meeting.id


def seat(meeting: str, number: int) -> Site:
    role = {1: Role.CHAIR, 2: Role.SECRETARY}.get(number, Role.DELEGATE)
    person = "Nguyễn Văn An" if role is Role.CHAIR else f"Đại biểu {number}"
    return Site(
        meeting_id=meeting,
        number=number,
        role=role,
        name=f"Điểm cầu {number}",
        person_name=person,
        person_title="Chủ tịch" if role is Role.CHAIR else "",
        email=f"diemcau{number}@hatinh.example",
    )


@dataclass
class Mailbox:
    """What an SMTP server took. ``refuse`` answers for an address before the mail is taken; once it is ``full``, nobody
    hears that a letter was taken."""

    taken: list[EmailMessage] = field(default_factory=list[EmailMessage])
    refuse: dict[str, str] = field(default_factory=dict[str, str])
    port: int = 0
    full: float = float("inf")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self.refuse.get(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append(message_from_bytes(content, policy=default))
        while len(self.taken) >= self.full:
            await asyncio.sleep(0.02)
        return "250 OK"

    @asynccontextmanager
    async def open(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncGenerator[str]:
        """Listens; yields the ``smtp://`` address. The port stays the same when opened again."""
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, tls_context=tls, require_starttls=tls is not None), host, self.port
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield f"smtp://{host}:{self.port}"
        finally:
            server.close()
            await server.wait_closed()

    def to(self, address: str) -> list[EmailMessage]:
        return [message for message in self.taken if address in str(message["To"])]


@asynccontextmanager
async def post_office(database: Database, transport: Transport) -> AsyncGenerator[Jobs]:
    """Jobs that carry letters, with short pauses between attempts."""
    jobs = Jobs(database, backoff=lambda attempt: 0.1)
    Post(database, jobs, TICKETS, transport, base_url=BASE_URL, sender=SENDER, now=lambda: NOW).register()
    await jobs.start()
    try:
        yield jobs
    finally:
        await jobs.stop()


def entry(message: EmailMessage) -> tuple[Calendar, Event]:
    """The calendar part of a mail and its one event."""
    part = next(part for part in message.walk() if part.get_content_type() == "text/calendar")
    calendar = Calendar.from_ical(part.get_content())
    assert isinstance(calendar, Calendar)
    (event,) = calendar.events
    return calendar, event


async def until(condition: Callable[[], Awaitable[bool]] | Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.02)
