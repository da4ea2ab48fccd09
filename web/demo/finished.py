"""The meeting that is over: its log, its recording and film, its minutes, approved by the chair."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import structs
from sqlalchemy import select

from meetings.access import Role
from meetings.errors import Unavailable
from meetings.events import encode
from meetings.queries import facts
from meetings.tables import AgendaItem, Meeting
from meetings.watch import StateFollowsLog
from meetings.working_days import VIETNAM, subtract_working_days
from minutes.approval import Approval
from minutes.book import Book
from minutes.content import Content, Paragraph
from minutes.people import Actor
from recordings.films import Films
from recordings.messages import EndTrack, StartRecording, StartTrack, StopRecording, TrackIntake
from recordings.tables import RecordingRow
from store.chain import GENESIS
from web.demo.media import Camera, record
from web.demo.office import People
from web.demo.story import RECORDED, WORDS, Story, tell
from web.demo.upcoming import seat
from web.deps import Deps
from web.tables import Account

SEATS = ((Role.CHAIR, "khai"), (Role.SECRETARY, "nhan"), (Role.DELEGATE, "duc"), (Role.DELEGATE, "hoa"))


async def hold(deps: Deps, people: People) -> None:
    """Takes some twenty seconds: the film is composed from the tracks as any other."""
    day = subtract_working_days(deps.now().astimezone(VIETNAM).date(), 1)
    opened = datetime(day.year, day.month, day.day, 14, tzinfo=VIETNAM)
    meeting = await _convened(deps, people, opened)
    story = await _log(deps, meeting, opened)
    films = await _film(deps, meeting, story, opened)
    await _minutes(deps, people, meeting, story, films)


async def _convened(deps: Deps, people: People, begins: datetime) -> str:
    async with deps.database.begin() as session:
        convener = await session.scalar(select(Account.id).where(Account.person_id == people["nhan"].id))
        row = Meeting(
            unit_id=people["nhan"].unit,
            title="Rà soát giải ngân và giải phóng mặt bằng",
            state="invited",
            kind="working",
            starts_at=begins,
            ends_at=begins + timedelta(hours=2),
            place="Phòng họp số 1, trụ sở UBND tỉnh",
            request="Báo cáo số liệu đến ngày họp.",
            contact="Hoàng Thị Nhàn, điện thoại 0226 000 0000",
            signer_title="KT. CHÁNH VĂN PHÒNG\nPHÓ CHÁNH VĂN PHÒNG",
            signer_name="Đỗ Minh Thuận",
            invited_at=begins - timedelta(days=7),
            created_by=convener or "",
            created_at=begins - timedelta(days=8),
        )
        session.add(row)
        await session.flush()
        sites = seat(row.id, [(role, people[key]) for role, key in SEATS])
        for site in sites:
            site.answer, site.answered_at = "accepted", begins - timedelta(days=5)
        session.add_all(sites)
        await session.flush()
        for number, (title, presenter) in enumerate(
            (("Giải ngân vốn đầu tư công", sites[2].id), ("Giải phóng mặt bằng tại xã Hương Sơn", sites[3].id)), 1
        ):
            session.add(AgendaItem(meeting_id=row.id, number=number, title=title, minutes=45, presenter=presenter))
        return row.id


async def _log(deps: Deps, meeting: str, opened: datetime) -> Story:
    async with deps.database.begin() as session:
        story = tell(await facts(session, meeting), opened)
    lines = await deps.chain.append(meeting, 0, GENESIS, [(at, encode(event)) for at, event in story.lines])
    await StateFollowsLog(deps.database)(meeting, lines)
    return story


async def _film(deps: Deps, meeting: str, story: Story, opened: datetime) -> Films:
    """The tracks are laid into the recorder's folder and composed by the job's own handler."""
    began, seconds = opened + timedelta(seconds=RECORDED[0]), RECORDED[1] - RECORDED[0]
    spoke = {turn.site: (turn.start - RECORDED[0], turn.end - RECORDED[0]) for turn in story.turns}
    async with deps.database.begin() as session:
        sites = [site.id for site in (await facts(session, meeting)).sites]
        session.add(RecordingRow(id=story.recording, meeting=meeting, state="composing", started_at=began))
    cameras = [
        Camera(site, hue, hertz, spoke.get(site))
        for site, hue, hertz in zip(sites, (0, 90, 180, 270), (440, 495, 550, 660), strict=True)
    ]
    folder = deps.var / "recordings"
    await record(folder / story.recording, StartRecording(meeting, story.recording), began, seconds, cameras)
    films = Films(
        database=deps.database,
        chain=deps.chain,
        files=deps.files,
        jobs=deps.jobs,
        recorder=_Ended(float(seconds)),
        folder=folder,
    )
    await films.compose({"meeting": meeting, "recording": story.recording})
    return films


async def _minutes(deps: Deps, people: People, meeting: str, story: Story, films: Films) -> None:
    async with deps.database.begin() as session:
        accounts = {
            row.person_id: Actor(row.id, row.name, row.person_id)
            for row in await session.scalars(select(Account).where(Account.person_id.is_not(None)))
        }
    secretary, chair = accounts[people["nhan"].id], accounts[people["khai"].id]
    book = Book(deps.database, deps.chain, films, deps.now)
    approval = Approval(deps.database, deps.chain, deps.files, book, deps.now)
    await book.open(meeting)
    drafted = await book.look(meeting, secretary)
    said = _written(drafted.content, dict(zip((turn.start for turn in story.turns), WORDS.values(), strict=True)))
    await book.save(meeting, secretary, drafted.past.last.revision, said)
    await book.submit(meeting, secretary)
    await approval.approve(meeting, chair)


def _written(content: Content, words: dict[int, str]) -> Content:
    """The draft with what was said in each turn, in the order of the turns."""
    waiting = iter(words[start] for start in sorted(words))

    def filled(paragraph: Paragraph) -> Paragraph:
        if paragraph.kind != "turn":
            return paragraph
        return structs.replace(paragraph, text=f"{paragraph.text} {next(waiting)}")

    return structs.replace(
        content,
        sections=tuple(
            structs.replace(section, paragraphs=tuple(filled(p) for p in section.paragraphs))
            for section in content.sections
        ),
    )


class _Ended:
    """The recorder of a recording that is over: it tells the length and takes nothing up."""

    available = False

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def stop_recording(self, wish: StopRecording) -> float:
        return self._seconds

    async def start_recording(self, wish: StartRecording) -> float:
        raise Unavailable

    async def start_track(self, wish: StartTrack) -> TrackIntake:
        raise Unavailable

    async def end_track(self, wish: EndTrack) -> None:
        raise Unavailable
