"""A finished meeting to write minutes of: its log minute by minute, its rows, its people."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from documents.wording import VIETNAM
from meetings.access import Role
from meetings.events import (
    AnyEvent,
    ConclusionRecorded,
    Entry,
    FloorEnded,
    FloorGiven,
    ItemEnded,
    ItemStarted,
    MarkSet,
    MeetingAdjourned,
    MeetingOpened,
    MeetingPrepared,
    SiteJoined,
    SiteLeft,
    encode,
)
from meetings.facts import AgendaItem, Facts, Site
from meetings.meeting import State
from meetings.tables import AgendaItem as AgendaRow
from meetings.tables import Meeting, Person, Unit
from meetings.tables import Site as SiteRow
from minutes.people import Actor
from store.chain import GENESIS, Chain, Line
from store.database import Database
from store.migrate import migrate

CHAIR = Site("chair", "office", "Điểm cầu chính", "Phó Chủ tịch Vũ Đình Khải", Role.CHAIR)
CLERK = Site("clerk", "office", "Văn phòng", "Hoàng Thị Nhàn", Role.SECRETARY)
HUONG_SON = Site("huongson", "hs", "UBND xã Hương Sơn", "Chủ tịch Nguyễn Thị Hòa", Role.DELEGATE)
LIEN_HA = Site("lienha", "lh", "UBND xã Liên Hà", "Chủ tịch Lê Văn Cảnh", Role.DELEGATE)
PRESS = Site("press", "", "Báo Hà Nam Ninh", "Phạm Thu", Role.OBSERVER)

FACTS = Facts(
    meeting="m1",
    title="Họp giao ban UBND tỉnh tháng 11 năm 2026",
    starts_at="2026-11-25T08:00:00+07:00",
    ends_at="2026-11-25T11:30:00+07:00",
    body="Văn phòng",
    agenda=(
        AgendaItem("a1", 1, "Kinh tế – xã hội tháng 11", 45),
        AgendaItem("a2", 2, "Tiến độ giải phóng mặt bằng quý IV", 60),
        AgendaItem("a3", 3, "Việc khác", 10),
    ),
    sites=(CHAIR, CLERK, HUONG_SON, LIEN_HA, PRESS),
)


def clock(time: str) -> datetime:
    """``"09:12"`` or ``"09:12:30"`` on the day of the meeting."""
    hour, minute, *second = map(int, time.split(":"))
    return datetime(2026, 11, 25, hour, minute, *second, tzinfo=VIETNAM)


@dataclass
class Story:
    """``story.at("09:12", FloorGiven(…))`` writes one line of the log; returns its number."""

    entries: list[Entry] = field(default_factory=list[Entry])

    def at(self, time: str, *events: AnyEvent) -> int:
        for event in events:
            self.entries.append(Entry(len(self.entries) + 1, clock(time), event))
        return len(self.entries)


def joined(site: Site, people: int = 1, person: str | None = None) -> SiteJoined:
    return SiteJoined(site.id, site.person if person is None else person, people, listen_only=False)


def convened(*sites: Site, facts: Facts = FACTS) -> Story:
    """The meeting is prepared, the sites come at 07:50, the chair opens at 08:00."""
    story = Story()
    story.at("07:40", MeetingPrepared(facts))
    story.at("07:50", *(joined(site) for site in sites))
    story.at("08:00", MeetingOpened(by="chair"))
    return story


def adjourned(story: Story, time: str = "11:30") -> Story:
    story.at(time, MeetingAdjourned(by="chair"))
    return story


def whole_story() -> Story:
    """Two items, two turns, two conclusions, a mark; Hương Sơn was away for five minutes, Liên Hà did not come."""
    story = convened(CHAIR, CLERK)
    story.at("07:58", joined(HUONG_SON, 5))
    story.at("08:05", ItemStarted("a1", by="chair"))
    story.at("08:50", ConclusionRecorded("c1", "a1", "Các sở báo cáo số liệu quý IV.", "", "", None, by="chair"))
    story.at("08:52", ItemEnded("a1", by="chair"), ItemStarted("a2", by="chair"))
    story.at("09:12", FloorGiven("huongson", 300, by="chair"))
    story.at("09:14", MarkSet("k1", "Số liệu chi trả", by="clerk"))
    story.at("09:17", FloorEnded("huongson", by="huongson", reason="yielded"))
    story.at("09:30", SiteLeft("huongson", "lost"))
    story.at("09:35", joined(HUONG_SON, 5))
    story.at(
        "10:00",
        ConclusionRecorded(
            "c2", "a2", "Rà soát giá đất 15 hộ, báo cáo", "Sở Xây dựng", "UBND xã Hương Sơn", "2026-12-05", by="chair"
        ),
    )
    story.at("11:28", ItemEnded("a2", by="chair"))
    adjourned(story)
    story.at("11:30", *(SiteLeft(site.id, "adjourned") for site in (CHAIR, CLERK, HUONG_SON)))
    return story


# -- rows --------------------------------------------------------------------------------------------------------------

CHAIRMAN = Actor("acc-chair", "Vũ Đình Khải", "p-chair")
SECRETARY = Actor("acc-clerk", "Hoàng Thị Nhàn", "p-clerk")
CONVENER = Actor("acc-convener", "Đỗ Minh Thuận", None)
DELEGATE = Actor("acc-hoa", "Nguyễn Thị Hòa", "p-hoa")
STRANGER = Actor("acc-other", "Trần Văn Lạ", "p-other")


@cache
def _empty() -> Path:
    """A folder with migrated, empty databases, made once."""
    folder = Path(tempfile.mkdtemp(prefix="nghisu-empty-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

    async def make() -> None:
        database = Database.embedded(folder)
        await migrate(database)
        await database.close()

    asyncio.run(make())
    return folder


async def open_database(folder: Path) -> Database:
    await asyncio.to_thread(lambda: shutil.copytree(_empty(), folder))
    return Database.embedded(folder)


async def add_units(database: Database) -> None:
    async with database.begin() as session:
        session.add_all([
            Unit(id="province", name="UBND tỉnh Hà Nam Ninh", symbol="UBND", place="Hà Nam Ninh"),
            Unit(id="hs", name="UBND xã Hương Sơn"),
            Unit(id="lh", name="UBND xã Liên Hà"),
        ])  # fmt: skip
        await session.flush()
        session.add(Unit(id="office", parent_id="province", name="Văn phòng", symbol="VP", place="Hà Nam Ninh"))
        await session.flush()
        session.add_all([
            Person(id="p-chair", unit_id="office", name="Vũ Đình Khải", title="Phó Chủ tịch"),
            Person(id="p-clerk", unit_id="office", name="Hoàng Thị Nhàn"),
            Person(id="p-hoa", unit_id="hs", name="Nguyễn Thị Hòa", title="Chủ tịch"),
        ])  # fmt: skip


async def add_meeting(database: Database, meeting: str = "m1", state: State = State.ADJOURNED) -> None:
    """The meeting of ``FACTS``; the site ids bear the meeting's id unless it is *m1*."""

    def site(number: int, of: Site, **more: str) -> SiteRow:
        id = of.id if meeting == "m1" else f"{meeting}-{of.id}"
        return SiteRow(id=id, meeting_id=meeting, number=number, role=of.role, name=of.name, **more)

    async with database.begin() as session:
        session.add(
            Meeting(
                id=meeting, unit_id="office", title=FACTS.title, state=state, starts_at=clock("08:00"),
                ends_at=clock("11:30"), place="Phòng họp số 2", created_by="acc-convener", created_at=clock("07:00"),
            )
        )  # fmt: skip
        await session.flush()
        session.add_all([
            site(1, CHAIR, person_id="p-chair", person_name="Vũ Đình Khải", person_title="Phó Chủ tịch"),
            site(2, CLERK, person_id="p-clerk", person_name="Hoàng Thị Nhàn"),
            site(3, HUONG_SON, unit_id="hs", person_id="p-hoa", person_name="Nguyễn Thị Hòa", person_title="Chủ tịch"),
            site(4, LIEN_HA, unit_id="lh", person_name="Lê Văn Cảnh", person_title="Chủ tịch", answer="declined"),
            *(AgendaRow(id=item.id if meeting == "m1" else f"{meeting}-{item.id}", meeting_id=meeting,
                        number=item.number, title=item.title) for item in FACTS.agenda),
        ])  # fmt: skip


async def write_log(chain: Chain, entries: Sequence[Entry], meeting: str = "m1") -> list[Line]:
    return await chain.append(meeting, 0, GENESIS, [(entry.at, encode(entry.event)) for entry in entries])


@dataclass
class Ticking:
    """A clock that a test sets."""

    now: datetime = field(default_factory=lambda: clock("11:40"))

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


async def soon(*acts: object) -> list[object]:
    """All at once; what was refused comes back as its exception."""
    return await asyncio.gather(*acts, return_exceptions=True)  # type: ignore[call-overload]
