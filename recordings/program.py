"""The programme of a film: what is on the stage when, whose sound is heard, where the chapters begin. Pure.

On the stage is who shares, else who has the floor, else the chair (``docs/record.md``). Where the stage has no
picture, a card says so. Times are milliseconds of media time; the film begins at media time zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Literal

from meetings.access import Role
from meetings.events import (
    AnyEvent,
    Entry,
    FloorEnded,
    FloorGiven,
    ItemEnded,
    ItemStarted,
    MeetingPrepared,
    RecordingStarted,
    ShareEnded,
    ShareStarted,
    SiteJoined,
    SiteLeft,
)
from meetings.facts import AgendaItem, Facts
from recordings.mediatime import MediaClock
from store.chain import microseconds

FRAME = 40
"""Milliseconds of one frame of the film: 25 a second."""
BRIDGED = 500
"""A picture that is missing for less than this stands still instead of making room for a card."""
AWAITED = 1_500
"""When the stage changes, the picture before stands for at most so long until the new one begins, as in the Room."""
Source = Literal["camera", "screen"]


@dataclass(frozen=True)
class Footage:
    """A stretch of a video file that can be shown."""

    file: str
    site: str
    source: Source
    start: int
    end: int


@dataclass(frozen=True)
class Plate:
    """The name plate: who is seen. ``person`` may be empty."""

    site: str
    person: str
    shares: bool


@dataclass(frozen=True)
class Shot:
    """A stretch of the film. ``file`` ``None``: a card. ``plate`` ``None``: nobody is on the stage."""

    start: int
    end: int
    file: str | None
    plate: Plate | None


@dataclass(frozen=True)
class Chapter:
    """One agenda item while it was dealt with."""

    item: str
    number: int
    title: str
    start: int
    end: int


@dataclass(frozen=True)
class Programme:
    title: str
    length: int
    shots: tuple[Shot, ...]
    chapters: tuple[Chapter, ...]


@dataclass(frozen=True)
class _Stage:
    """What the log says about the stage at one moment."""

    facts: Facts | None = None
    floor: str | None = None
    sharing: tuple[str, ...] = ()
    people: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def shown(self) -> tuple[str, Source] | None:
        if self.sharing:
            return self.sharing[-1], "screen"
        if self.floor:
            return self.floor, "camera"
        chairs = [site.id for site in self.facts.sites if site.role is Role.CHAIR] if self.facts else []
        return (chairs[0], "camera") if chairs else None

    @property
    def plate(self) -> Plate | None:
        shown = self.shown
        if shown is None:
            return None
        sites = {site.id: site for site in self.facts.sites} if self.facts else {}
        site = sites.get(shown[0])
        person = self.people.get(shown[0]) or (site.person if site else "")
        return Plate(site.name if site else "", person, shown[1] == "screen")

    def after(self, event: AnyEvent) -> _Stage:
        match event:
            case MeetingPrepared(facts=facts):
                return replace(self, facts=facts)
            case SiteJoined(site=site, person=person):
                return replace(self, people={**self.people, site: person})
            case FloorGiven(site=site):
                return replace(self, floor=site)
            case FloorEnded():
                return replace(self, floor=None)
            case ShareStarted(site=site):
                return replace(self, sharing=(*(s for s in self.sharing if s != site), site))
            case ShareEnded(site=site):
                return replace(self, sharing=tuple(s for s in self.sharing if s != site))
            case SiteLeft(site=site):
                sharing = tuple(s for s in self.sharing if s != site)
                return replace(self, sharing=sharing, floor=None if self.floor == site else self.floor)
            case _:
                return self


def placed(entries: Sequence[Entry], recording: str, clock: MediaClock) -> list[tuple[int, Entry]]:
    """Every entry with its media time, never going back; those before the recording began have -1."""
    begins = next(
        (e.seq for e in entries if isinstance(e.event, RecordingStarted) and e.event.recording == recording), 0
    )
    found: list[tuple[int, Entry]] = []
    last = 0.0
    for entry in entries:
        if entry.seq < begins:
            found.append((-1, entry))
            continue
        media = clock.media(microseconds(entry.at), last)
        if media is not None:
            last = max(last, media)
        found.append((round(last), entry))
    return found


def programme(
    entries: Sequence[Entry], recording: str, clock: MediaClock, footage: Sequence[Footage], length: int
) -> Programme:
    """``length`` is that of the recording; ``footage`` lies in the order in which the files were begun."""
    moments = placed(entries, recording, clock)
    shots: list[Shot] = []
    stage, since = _Stage(), 0
    for at, entry in moments:
        following = stage.after(entry.event)
        if (following.shown, following.plate) != (stage.shown, stage.plate):
            change = min(max(at, since), length)
            shots += _shots(stage, since, change, footage)
            since = change
        stage = following
    shots += _shots(stage, since, length, footage)
    title = stage.facts.title if stage.facts else ""
    return Programme(title, length, tuple(_framed(_awaited(shots), length)), tuple(chapters(moments, length)))


def _shots(stage: _Stage, start: int, end: int, footage: Iterable[Footage]) -> list[Shot]:
    """What is seen of one stage: its footage, cards where there is none."""
    if end <= start:
        return []
    made: list[Shot] = []
    at = start
    for part in _continuous([f for f in footage if (f.site, f.source) == stage.shown]):
        first, last = max(part.start, at), min(part.end, end)
        if last <= first:
            continue
        if first > at:
            made.append(Shot(at, first, None, stage.plate))
        made.append(Shot(first, last, part.file, stage.plate))
        at = last
    if at < end:
        made.append(Shot(at, end, None, stage.plate))
    return made


def _continuous(footage: list[Footage]) -> list[Footage]:
    """One stretch after the other: a later file takes over where it begins, a short absence is bridged."""
    made: list[Footage] = []
    for part in footage:
        while made and made[-1].start >= part.start:
            made.pop()
        if made and (made[-1].end > part.start or part.start - made[-1].end < BRIDGED):
            made[-1] = replace(made[-1], end=part.start)
        made.append(part)
    return made


def _awaited(shots: Sequence[Shot]) -> list[Shot]:
    """The picture before stays while the next one is on its way; an absence on the same stage stays a card."""
    made: list[Shot] = []
    for shot, following in zip_longest(shots, shots[1:]):
        before = made[-1] if made else None
        if (
            shot.file is None
            and shot.end - shot.start <= AWAITED
            and (following and following.file and following.plate == shot.plate)
            and (before and before.file and before.plate != shot.plate)
        ):
            made[-1] = replace(before, end=shot.end)
        else:
            made.append(shot)
    return made


def _framed(shots: Iterable[Shot], length: int) -> list[Shot]:
    """The same on the borders of frames; what is shorter than a frame falls away, equal neighbours become one."""
    made: list[Shot] = []
    for shot in shots:
        start, end = round(shot.start / FRAME) * FRAME, round(min(shot.end, length) / FRAME) * FRAME
        if end <= start:
            continue
        same = made and (made[-1].file, made[-1].plate, made[-1].end) == (shot.file, shot.plate, start)
        if same:
            made[-1] = replace(made[-1], end=end)
        else:
            made.append(replace(shot, start=start, end=end))
    return made


def chapters(moments: Sequence[tuple[int, Entry]], length: int) -> list[Chapter]:
    """The agenda items, from ``placed`` entries."""
    made: list[Chapter] = []
    items: dict[str, AgendaItem] = {}
    current: str | None = None
    since = 0

    def finish(at: int) -> None:
        end = min(at, length)
        if current is not None and end > max(0, since):
            item = items.get(current)
            made.append(Chapter(current, item.number if item else 0, item.title if item else "", max(0, since), end))

    for at, entry in moments:
        match entry.event:
            case MeetingPrepared(facts=facts):
                items.update({item.id: item for item in facts.agenda})
            case ItemStarted(item=item):
                finish(at)
                current, since = item, at
            case ItemEnded(item=item) if item == current:
                finish(at)
                current = None
            case _:
                pass
    finish(length)
    return made
