"""What the archive tells of a meeting: films with chapters and gaps, every moment with its place in the film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from meetings import events as e
from meetings.events import AnyEvent, Entry
from meetings.facts import Facts
from recordings.films import Films, within
from recordings.journal import Journal
from recordings.mediatime import MediaClock
from recordings.program import Chapter, chapters, placed
from recordings.tables import RecordingRow
from store.database import Database


@dataclass(frozen=True)
class Gap:
    """Seconds of the film at which a site's media is missing."""

    site: str
    start: float
    seconds: float


@dataclass(frozen=True)
class Film:
    """A recording as the archive shows it: its row, its chapters (milliseconds), its gaps."""

    row: RecordingRow
    chapters: tuple[Chapter, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True)
class Moment:
    """One entry of the log. ``film`` is seconds of the film, ``None`` outside it."""

    seq: int
    at: datetime
    film: float | None
    kind: str
    site: str | None
    detail: str | None


@dataclass(frozen=True)
class Story:
    """``film`` is the one whose seconds the moments bear; ``films`` are all of the meeting, oldest first."""

    film: Film | None
    films: tuple[Film, ...]
    moments: tuple[Moment, ...]


class Archive:
    """Asks rows, journals and the log; whoever shows it decides who may see it."""

    def __init__(self, database: Database, films: Films) -> None:
        self._database, self._films = database, films

    async def recordings(self, meeting: str) -> list[RecordingRow]:
        """Every recording of a meeting, oldest first."""
        async with self._database.begin() as session:
            rows = await session.scalars(
                select(RecordingRow).where(RecordingRow.meeting == meeting).order_by(RecordingRow.started_at)
            )
            return list(rows)

    async def recording(self, recording: str) -> RecordingRow | None:
        async with self._database.begin() as session:
            return await session.get(RecordingRow, recording)

    async def seconds(self, meetings: Sequence[str]) -> dict[str, float]:
        """The length of each meeting's longest film."""
        async with self._database.begin() as session:
            rows = await session.scalars(select(RecordingRow).where(RecordingRow.meeting.in_(meetings)))
            found: dict[str, float] = {}
            for row in rows:
                found[row.meeting] = max(found.get(row.meeting, 0.0), row.seconds)
            return found

    async def story(self, meeting: str, entries: Sequence[Entry]) -> Story:
        """What happened, laid onto the film."""
        films: list[Film] = []
        chosen = await self._films.chosen(meeting)
        shown: Film | None = None
        times: dict[int, float | None] = {}
        for row in await self.recordings(meeting):
            journal = await self._films.journal(row.id)
            film = Film(row, (), ()) if journal is None else _film(row, journal, entries)
            films.append(film)
            if chosen and row.id == chosen.id:
                shown = film
                times = _times(row, journal, entries) if journal else {}
        return Story(shown, tuple(films), tuple(moments(entries, times)))


def _film(row: RecordingRow, journal: Journal, entries: Sequence[Entry]) -> Film:
    found = chapters(placed(entries, row.id, MediaClock(journal.pairs)), journal.length)
    gaps = tuple(Gap(gap.track.rpartition(".")[0], gap.media / 1000, gap.length / 1000) for gap in journal.gaps)
    return Film(row, tuple(found), gaps)


def _times(row: RecordingRow, journal: Journal, entries: Sequence[Entry]) -> dict[int, float | None]:
    length = journal.length / 1000
    return {
        entry.seq: within(media / 1000, length) if media >= 0 else None
        for media, entry in placed(entries, row.id, MediaClock(journal.pairs))
    }


def moments(entries: Sequence[Entry], times: dict[int, float | None]) -> list[Moment]:
    """Every entry but the preparations, with whom it is about and what it says."""
    facts: Facts | None = None
    told: list[Moment] = []
    for entry in entries:
        if isinstance(entry.event, e.MeetingPrepared):
            facts = entry.event.facts
            continue
        site, detail = _about(entry.event, facts)
        kind = str(type(entry.event).__struct_config__.tag)
        told.append(Moment(entry.seq, entry.at, times.get(entry.seq), kind, site, detail))
    return told


def _about(event: AnyEvent, facts: Facts | None) -> tuple[str | None, str | None]:
    """The site that an event is about, and its detail: a text, or a stable word."""
    match event:
        case e.SiteJoined(site=site, person=person):
            return site, person or None
        case e.SiteLeft(site=site, reason=reason) | e.FloorEnded(site=site, reason=reason):
            return site, reason
        case e.ItemStarted(item=item) | e.ItemEnded(item=item):
            found = {i.id: f"{i.number}. {i.title}" for i in facts.agenda} if facts else {}
            return None, found.get(item)
        case e.ConclusionRecorded(task=task):
            return None, task
        case e.MarkSet(note=note):
            return None, note or None
        case e.RecordingGap(track=track, cause=cause):
            return track.rpartition(".")[0], cause
        case _:
            return getattr(event, "site", None), None
