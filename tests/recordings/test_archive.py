"""From the stop of a recording to the page that plays it: watcher, durable job, film, archive, ranges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from office import Browser, Clock, Office, QuietRooms
from shelf import ZERO, Take, lay
from sqlalchemy import select

from meetings.access import Office as OfficeOf
from meetings.access import Role
from meetings.errors import Unavailable
from meetings.events import (
    AnyEvent,
    FloorEnded,
    FloorGiven,
    ItemEnded,
    ItemStarted,
    MeetingAdjourned,
    MeetingOpened,
    MeetingPrepared,
    RecordingGap,
    RecordingStarted,
    RecordingStopped,
    SiteJoined,
    SiteLeft,
    encode,
)
from meetings.facts import AgendaItem, Facts
from meetings.facts import Site as SiteFact
from meetings.tables import Meeting, Site
from meetings.tickets import Tickets
from recordings.archive import Archive
from recordings.films import Films
from recordings.journal import Missing
from recordings.messages import EndTrack, StartRecording, StartTrack, StopRecording, TrackIntake
from recordings.tables import RecordingRow
from store.chain import GENESIS, Chain, Line
from store.database import Database
from store.files import Files
from store.jobs import Jobs
from store.migrate import migrate
from web.app import build
from web.deps import Deps
from web.routes.archive import ARCHIVE

M = "m1"
RECORDING = "m1-5"


class PutAway:
    """A recorder that has nothing open any more. ``away``: it does not answer so many times."""

    available = True

    def __init__(self, length: float, away: int = 0) -> None:
        self.length, self.away = length, away

    async def start_recording(self, wish: StartRecording) -> float:
        raise Unavailable

    async def start_track(self, wish: StartTrack) -> TrackIntake:
        raise Unavailable

    async def end_track(self, wish: EndTrack) -> None:
        raise Unavailable

    async def stop_recording(self, wish: StopRecording) -> float:
        if self.away:
            self.away -= 1
            raise Unavailable("recorder_unavailable")
        return self.length


@dataclass
class House:
    office: Office
    films: Films
    recorder: PutAway
    folder: Path

    async def happened(self, *events: tuple[float, AnyEvent]) -> list[Line]:
        """Writes the log and lets the watcher see it. Times are seconds after the recording's zero."""
        chain = self.office.deps.chain
        before = await chain.read(M)
        lines = [(ZERO + timedelta(seconds=at), encode(event)) for at, event in events]
        written = await chain.append(M, len(before), before[-1].hash if before else GENESIS, lines)
        await self.films(M, written)
        return written

    async def row(self) -> RecordingRow:
        async with self.office.deps.database.begin() as session:
            return await session.get_one(RecordingRow, RECORDING)

    async def finished(self) -> None:
        """The job came to its end, what it worked with was put away."""
        async with asyncio.timeout(240):
            while await self.office.deps.jobs.state(f"compose:{RECORDING}") not in {"done", "failed"}:
                await asyncio.sleep(0.1)

    async def until(self, state: str) -> RecordingRow:
        async with asyncio.timeout(240):
            while (row := await self.row()).state != state:
                await asyncio.sleep(0.1)
            return row


@asynccontextmanager
async def open_house(folder: Path) -> AsyncGenerator[House]:
    database = await asyncio.to_thread(Database.embedded, folder / "db")
    await migrate(database)
    chain, jobs = Chain(database), Jobs(database, backoff=lambda attempt: 0.1)
    files = await asyncio.to_thread(Files, database, folder / "files")
    recorder, recordings = PutAway(4.0), folder / "recordings"
    films = Films(database=database, chain=chain, files=files, jobs=jobs, recorder=recorder, folder=recordings)
    films.register()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    clock, rooms, address = Clock(), QuietRooms(), f"http://127.0.0.1:{port}"
    deps = Deps(
        database=database,
        chain=chain,
        tickets=Tickets(b"a secret of the tests, 32 bytes!"),
        jobs=jobs,
        files=files,
        rooms=rooms,
        var=folder,
        base_url=address,
        origin=address,
        secure=False,
        now=clock.now,
    )
    app = build(deps)
    app[ARCHIVE] = Archive(database, films)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    office = Office(deps, clock, rooms)
    try:
        await jobs.start()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield House(office, films, recorder, recordings)
    finally:
        await office.close()
        await runner.cleanup()
        await jobs.stop()
        await database.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    async with open_house(tmp_path) as house:
        yield house


@dataclass
class Kept:
    """A recording was stopped and its film is made: nothing of it changes any more. ``who`` are the browsers.

    This house stands until the last test of the module. One ``Jobs`` runs at a time in one process: tests that need a
    house of their own come before.
    """

    house: House
    who: dict[str, Browser]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Kept]:
    async with open_house(tmp_path_factory.mktemp("kept")) as house:
        yield Kept(house, await film(house, stop=True))


async def film(house: House, *, stop: bool) -> dict[str, Browser]:
    """A meeting is recorded and its film is made; the recorder does not answer at first."""
    who = await convene(house)
    house.recorder.away = 1
    await meet(house, stop=stop)
    await house.until("ready")
    return who


async def convene(house: House) -> dict[str, Browser]:
    """One meeting with a chair and an invited commune; browsers of everybody and of two who were not invited."""
    office = house.office
    unit = await office.unit("UBND tỉnh Nghệ An")
    people = {name: await office.person(name) for name in ("duc", "hoa", "la")}
    who = {
        "duc": await office.signed_in("duc", OfficeOf.MEMBER, people["duc"]),
        "hoa": await office.signed_in("hoa", OfficeOf.MEMBER, people["hoa"]),
        "stranger": await office.signed_in("la", OfficeOf.SECRETARY, people["la"]),
        "administrator": await office.signed_in("quantri", OfficeOf.ADMINISTRATOR),
    }
    await office.add(
        Meeting(
            id=M,
            unit_id=unit,
            title="Họp giao ban tháng 11",
            state="adjourned",
            opened_at=ZERO - timedelta(seconds=5),
            adjourned_at=ZERO + timedelta(seconds=6),
            created_by="nobody",
            created_at=ZERO,
        )
    )
    await office.add(Site(id="chair", meeting_id=M, number=1, person_id=people["duc"], role="chair", name="UBND tỉnh"))
    await office.add(Site(id="son", meeting_id=M, number=2, person_id=people["hoa"], name="Xã Hương Sơn"))
    return who


FACTS = Facts(
    meeting=M,
    title="Họp giao ban tháng 11",
    starts_at="",
    ends_at="",
    body="UBND tỉnh",
    agenda=(AgendaItem("i1", 1, "Kinh tế – xã hội", 10),),
    sites=(
        SiteFact("chair", "", "UBND tỉnh", "Trần Văn Đức", Role.CHAIR),
        SiteFact("son", "", "Xã Hương Sơn", "Nguyễn Thị Hòa", Role.DELEGATE),
    ),
)


async def meet(house: House, *, stop: bool = True) -> None:
    """Four seconds are recorded; the recorder was killed once."""
    await asyncio.to_thread(
        lay,
        house.folder / RECORDING,
        [Take("chair", 0, 1.5, 60, killed=True), Take("chair", 2.2, 4, 60)],
        4.0,
        (Missing(1, "chair.camera", 1_500, 700, "recorder"),),
    )
    await house.happened(
        (-9, MeetingPrepared(FACTS)),
        (-8, SiteJoined("chair", "Trần Văn Đức", 4, False)),
        (-6, SiteJoined("son", "Nguyễn Thị Hòa", 2, False)),
        (-5, MeetingOpened("chair")),
        (0, RecordingStarted(RECORDING, "chair")),
        (1, ItemStarted("i1", "chair")),
        (2, RecordingGap(RECORDING, "chair.camera", 1.5, 0.7, "recorder")),
        (2.5, FloorGiven("son", 300, "chair")),
        (3.5, FloorEnded("son", "son", "yielded")),
    )
    ending: list[tuple[float, AnyEvent]] = [(4, ItemEnded("i1", "chair"))]
    ending += [(4, RecordingStopped(RECORDING, "chair"))] if stop else []
    await house.happened(*ending, (6, SiteLeft("son", "adjourned")), (6, MeetingAdjourned("chair")))


async def test_when_the_meeting_ends_while_it_records_the_film_is_made_and_kept(house: House) -> None:
    await film(house, stop=False)
    await is_kept(house)


async def is_kept(house: House) -> None:
    row = await house.row()
    assert (row.progress, row.seconds, row.reason) == (1.0, 4.0, "")
    files = house.office.deps.files
    kept = await files.of(M)
    kinds = sorted(file.kind for file in kept)
    assert kinds == ["film", "journal", "track", "track", "track", "track"]
    assert [file.name for file in kept if not await asyncio.to_thread(files.verify, file)] == []
    made = next(file for file in kept if file.kind == "film")
    assert (row.film_id, row.sha256, row.bytes) == (made.id, made.sha256, made.bytes)
    await house.finished()
    assert not (house.folder / RECORDING / "work").exists()


async def test_a_recording_of_which_nothing_is_left_says_so(house: House) -> None:
    await convene(house)
    await house.happened((0, RecordingStarted(RECORDING, "chair")), (1, RecordingStopped(RECORDING, "chair")))
    assert (await house.until("failed")).reason == "nothing was recorded"


async def test_before_it_is_composed_the_film_is_not_ready(house: House) -> None:
    who = await convene(house)
    await house.happened((0, RecordingStarted(RECORDING, "chair")))
    answer = await who["duc"].get(f"/api/recordings/{RECORDING}/film.mp4")
    assert (answer.status, answer.code) == (404, "film_not_ready")
    seen = (await who["duc"].get(f"/api/archive/{M}")).body
    assert (seen["film"]["state"], seen["film"]["url"]) == ("recording", None)
    async with house.office.deps.database.begin() as session:
        assert len(list(await session.scalars(select(RecordingRow)))) == 1


MODULE = pytest.mark.asyncio(loop_scope="module")


@MODULE
async def test_when_a_recording_stops_the_film_is_made_and_kept(kept: Kept) -> None:
    await is_kept(kept.house)


@MODULE
async def test_a_watcher_that_sees_the_log_twice_makes_one_film(kept: Kept) -> None:
    house = kept.house
    await house.films(M, await house.office.deps.chain.read(M))
    assert (await house.row()).state == "ready"
    assert len(await house.office.deps.files.of(M)) == 6


@MODULE
async def test_the_archive_lays_what_happened_onto_the_film(kept: Kept) -> None:
    house, who = kept.house, kept.who
    (line,) = (await who["hoa"].get("/api/archive")).body
    assert (line["meeting"], line["seconds"], line["state"], line["sites"]) == (M, 4.0, "ready", 2)
    seen = (await who["hoa"].get(f"/api/archive/{M}")).body
    assert seen["chair"] == ""
    assert seen["film"]["chapters"] == [{"number": 1, "title": "Kinh tế – xã hội", "start": 1.0, "end": 4.0}]
    assert seen["film"]["gaps"] == [{"site_name": "UBND tỉnh", "start": 1.5, "seconds": 0.7}]
    assert seen["film"] == seen["films"][0]
    told = {moment["kind"]: moment for moment in seen["moments"]}
    assert told["floor_given"]["film"] == pytest.approx(2.5, abs=0.1)
    assert (told["floor_given"]["site_name"], told["floor_ended"]["detail"]) == ("Xã Hương Sơn", "yielded")
    assert told["item_started"]["detail"] == "1. Kinh tế – xã hội"
    assert told["meeting_opened"]["film"] is None
    assert told["meeting_adjourned"]["film"] is None
    assert (told["recording_gap"]["site_name"], told["recording_gap"]["detail"]) == ("UBND tỉnh", "recorder")
    assert [(who["site_name"], who["people"]) for who in seen["presence"]] == [("UBND tỉnh", 4), ("Xã Hương Sơn", 2)]
    clock = await house.films.clock(M)
    assert clock(ZERO + timedelta(seconds=2.5)) == pytest.approx(2.5, abs=0.01)
    assert clock(ZERO - timedelta(seconds=60)) is None
    assert clock(ZERO + timedelta(seconds=60)) is None
    assert await house.films.recording(M) == RECORDING


@MODULE
async def test_the_film_is_served_whole_and_in_ranges(kept: Kept) -> None:
    who, row = kept.who, await kept.house.row()
    url = f"/api/recordings/{RECORDING}/film.mp4"
    whole = await who["duc"].get(url)
    assert (whole.status, len(whole.body), whole.headers["Content-Type"]) == (200, row.bytes, "video/mp4")
    part = await who["duc"].get(url, Range="bytes=100-199")
    assert (part.status, part.body) == (206, whole.body[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{row.bytes}"
    assert (await who["duc"].get(url, Range=f"bytes={row.bytes}-")).status == 416
    taken = await who["duc"].get(f"{url}?download")
    assert taken.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''H%E1%BB%8Dp%20giao%20ban")


@MODULE
async def test_recordings_open_to_nobody_but_the_invited(kept: Kept) -> None:
    house, who = kept.house, kept.who
    for name in ("stranger", "administrator"):
        assert (await who[name].get("/api/archive")).body == []
        for path in (f"/api/archive/{M}", f"/api/recordings/{RECORDING}/film.mp4"):
            answer = await who[name].get(path)
            assert (answer.status, answer.code) == (404, "meeting_unknown"), (name, path)
    unknown = await who["duc"].get("/api/recordings/m9-1/film.mp4")
    assert (unknown.status, unknown.code) == (404, "film_unknown")
    assert (await house.office.browser().get(f"/api/archive/{M}")).status == 401
