from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from office import empty_databases

from meetings.errors import NotFound, WrongMoment
from meetings.events import AnyEvent, FloorAsked, MeetingAdjourned, MeetingOpened, encode
from meetings.queries import facts, seat, whole
from meetings.tables import AgendaItem, Meeting, Site, Unit
from meetings.tickets import TicketUnknown
from meetings.watch import StateFollowsLog
from store.chain import Line
from store.database import Database

OPENED, ADJOURNED = datetime(2026, 11, 18, 1, 2, 3, 456789, UTC), datetime(2026, 11, 18, 4, 30, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await asyncio.to_thread(empty_databases, tmp_path / "db")
    yield database
    await database.close()


@pytest.fixture
async def meeting(database: Database) -> str:
    """Invited: a chair's site and a commune, one agenda item."""
    async with database.begin() as session:
        body = Unit(name="UBND tỉnh Hà Nam Ninh")
        row = Meeting(
            title="Họp giao ban",
            state="invited",
            unit=body,
            starts_at=datetime(2026, 11, 18, 1, tzinfo=UTC),
            ends_at=datetime(2026, 11, 18, 4, 30, tzinfo=UTC),
            created_by="x",
            created_at=OPENED,
        )
        session.add(row)
        await session.flush()
        chair = Site(
            meeting_id=row.id, number=1, role="chair", name="UBND tỉnh", person_name="Khải", person_title="PCT"
        )
        commune = Site(meeting_id=row.id, number=2, name="Xã Hương Sơn", person_name="Hòa", person_title="Chủ tịch")
        session.add_all([chair, commune])
        await session.flush()
        session.add(AgendaItem(meeting_id=row.id, number=1, title="Mặt bằng", minutes=20, presenter=commune.id))
        return row.id


def line(seq: int, at: datetime, event: AnyEvent) -> Line:
    return Line(seq, at, encode(event), b"")


async def state(database: Database, meeting: str) -> tuple[str, datetime | None, datetime | None]:
    async with database.begin() as session:
        row = await session.get_one(Meeting, meeting)
        return row.state, row.opened_at, row.adjourned_at


async def test_the_row_follows_the_log(database: Database, meeting: str) -> None:
    watcher = StateFollowsLog(database)
    await watcher(meeting, [line(2, OPENED, FloorAsked("s")), line(3, OPENED, MeetingOpened("chair"))])
    assert await state(database, meeting) == ("live", OPENED, None)
    await watcher(meeting, [line(4, ADJOURNED, MeetingAdjourned("chair"))])
    assert await state(database, meeting) == ("adjourned", OPENED, ADJOURNED)


async def test_lines_delivered_twice_change_nothing(database: Database, meeting: str) -> None:
    watcher = StateFollowsLog(database)
    lines = [line(3, OPENED, MeetingOpened("chair")), line(4, ADJOURNED, MeetingAdjourned("chair"))]
    await watcher(meeting, lines)
    await watcher(meeting, lines)
    await watcher(meeting, lines[:1])
    assert await state(database, meeting) == ("adjourned", OPENED, ADJOURNED)


async def test_approved_minutes_are_not_undone_by_a_late_line(database: Database, meeting: str) -> None:
    async with database.begin() as session:
        (await session.get_one(Meeting, meeting)).state = "approved"
    await StateFollowsLog(database)(meeting, [line(4, ADJOURNED, MeetingAdjourned("chair"))])
    assert (await state(database, meeting))[0] == "approved"


async def test_the_log_of_a_meeting_without_a_row_disturbs_nobody(database: Database) -> None:
    await StateFollowsLog(database)("0" * 32, [line(1, OPENED, MeetingOpened("chair"))])


async def test_the_facts_say_the_meeting_as_convened(database: Database, meeting: str) -> None:
    async with database.begin() as session:
        known = await facts(session, meeting)
    assert (known.title, known.body) == ("Họp giao ban", "UBND tỉnh Hà Nam Ninh")
    assert (known.starts_at, known.ends_at) == ("2026-11-18T01:00:00+00:00", "2026-11-18T04:30:00+00:00")
    assert [(s.name, s.person, s.role) for s in known.sites] == [
        ("UBND tỉnh", "PCT Khải", "chair"),
        ("Xã Hương Sơn", "Chủ tịch Hòa", "delegate"),
    ]
    assert [(i.title, i.presenter) for i in known.agenda] == [("Mặt bằng", known.sites[1].id)]


async def test_a_substitute_speaks_for_the_site(database: Database, meeting: str) -> None:
    async with database.begin() as session:
        site = (await whole(session, meeting)).sites[1]
        site.answer, site.substitute_name = "substitute", "Phó Chủ tịch Lê Tám"
    async with database.begin() as session:
        assert (await facts(session, meeting)).sites[1].person == "Phó Chủ tịch Lê Tám"


async def test_there_are_no_facts_of_a_meeting_that_is_none(database: Database) -> None:
    async with database.begin() as session:
        with pytest.raises(NotFound, match="meeting_unknown"):
            await facts(session, "khong-co")


async def test_a_seat_belongs_to_the_latest_ticket_of_its_site(database: Database, meeting: str) -> None:
    async with database.begin() as session:
        site = (await whole(session, meeting)).sites[1]
        connection = await session.connection()
        assert await connection.run_sync(seat, site.id, 1) == "delegate"
        for unknown, serial in ((site.id, 2), (site.id, 0), ("khong-co", 1)):
            with pytest.raises(TicketUnknown):
                await connection.run_sync(seat, unknown, serial)


@pytest.mark.parametrize(("now", "code"), [("draft", "meeting_not_invited"), ("cancelled", "meeting_cancelled")])
async def test_nobody_sits_in_a_meeting_that_is_not_to_be(
    database: Database, meeting: str, now: str, code: str
) -> None:
    async with database.begin() as session:
        row = await whole(session, meeting)
        row.state = now
        await session.flush()
        with pytest.raises(WrongMoment, match=code):
            await (await session.connection()).run_sync(seat, row.sites[0].id, 1)
