"""The first draft of the minutes, derived from the log and nothing else (ADR 0007): pure, and always the same.

It holds what the log can know: times, presence, the order of business, turns, conclusions, marks. What was *said* is
for the secretary to write; each turn has its paragraph waiting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from documents.wording import count, day, hour, moment, stretch
from meetings.access import Role
from meetings.errors import WrongMoment
from meetings.events import (
    ConclusionRecorded,
    ConclusionWithdrawn,
    Entry,
    FloorEnded,
    FloorGiven,
    ItemEnded,
    ItemStarted,
    MarkRemoved,
    MarkSet,
    MeetingAdjourned,
    MeetingOpened,
    MeetingPrepared,
)
from meetings.facts import AgendaItem, Facts, Site
from minutes.attendance import Invited, Stay, lines, stays
from minutes.content import Content, Paragraph, Section

LONGEST = 200
"""Letters of a name in the minutes (``Content``); a site that changed its speaker all day has more to say."""
BEFORE, ASIDE, OVERALL = "Mở đầu", "Nội dung khác", "Kết luận chung"


@dataclass(frozen=True)
class Background:
    """What the convened meeting adds to the log: the main place, and who was invited to each site."""

    place: str = ""
    roll: Mapping[str, Invited] = field(default_factory=dict[str, Invited])


def draft(entries: Sequence[Entry], background: Background) -> Content:
    """The draft of a meeting that was adjourned. Raises ``WrongMoment`` *minutes_not_begun* before that."""
    opened = next((entry.at for entry in entries if isinstance(entry.event, MeetingOpened)), None)
    adjourned = next((entry.at for entry in entries if isinstance(entry.event, MeetingAdjourned)), None)
    if opened is None or adjourned is None:
        raise WrongMoment("minutes_not_begun")
    facts, sites = _convened(entries)
    present = stays(entries, opened, adjourned)
    return Content(
        title=facts.title,
        began=moment(opened),
        ended=moment(adjourned),
        place=_place(background.place, sum(1 for site in sites if site.id in present and site.role is not Role.CHAIR)),
        chair=_officer(sites, Role.CHAIR, present),
        secretary=_officer(sites, Role.SECRETARY, present),
        attendance=lines(sites, present, background.roll),
        sections=_Business(facts, {site.id: site.name for site in sites}).sections(entries, adjourned),
    )


def _convened(entries: Sequence[Entry]) -> tuple[Facts, list[Site]]:
    """The facts that held at the end, and every site that was ever invited, those of the end first."""
    prepared = [entry.event.facts for entry in entries if isinstance(entry.event, MeetingPrepared)]
    if not prepared:
        raise WrongMoment("minutes_not_begun")
    sites: dict[str, Site] = {}
    for facts in reversed(prepared):
        for site in facts.sites:
            sites.setdefault(site.id, site)
    return prepared[-1], list(sites.values())


def _place(place: str, remote: int) -> str:
    """*Phòng họp số 2 và 38 điểm cầu trực tuyến*; the chair sits at the main place."""
    others = f"{count(remote)} điểm cầu trực tuyến"
    return f"{place} và {others}" if place else f"Họp trực tuyến, {others}"


def _officer(sites: Sequence[Site], role: Role, present: Mapping[str, Stay]) -> str:
    """Who held the role: as they sat there, else as they were invited."""
    holders = [site for site in sites if site.role is role]
    seated = [name for site in holders if site.id in present for name in present[site.id].persons]
    named = "; ".join(seated or [site.person for site in holders if site.person])
    return named if len(named) <= LONGEST else f"{named[: LONGEST - 1]}…"


@dataclass
class _Part:
    """What happened under one agenda item, or outside all of them."""

    started: datetime | None = None
    ended: datetime | None = None
    paragraphs: dict[str, Paragraph] = field(default_factory=dict[str, Paragraph])

    def put(self, paragraph: Paragraph) -> None:
        self.paragraphs[paragraph.id] = paragraph


class _Business:
    """Goes through the log once and writes each event to the part of the meeting that it belongs to."""

    def __init__(self, facts: Facts, names: Mapping[str, str]) -> None:
        self._agenda = {item.id: item for item in facts.agenda}
        self._known = dict(self._agenda)
        self._names = names
        self._items: dict[str, _Part] = {}
        self._before, self._aside, self._overall = _Part(), _Part(), _Part()
        self._current: str | None = None
        self._turn: tuple[Entry, FloorGiven, _Part] | None = None
        self._said: dict[str, list[Entry]] = {}
        self._marked: dict[str, _Part] = {}

    def sections(self, entries: Sequence[Entry], adjourned: datetime) -> tuple[Section, ...]:
        for entry in entries:
            self._hear(entry)
        self._end_turn(None, adjourned)
        self._conclude()
        titles = {**dict.fromkeys(self._items), **dict.fromkeys(self._agenda)}
        return (
            *_outside(BEFORE, self._before),
            *(self._section(item) for item in titles),
            *_outside(ASIDE, self._aside),
            *_outside(OVERALL, self._overall),
        )

    def _hear(self, entry: Entry) -> None:
        match entry.event:
            case MeetingPrepared(facts=facts):
                self._known |= {item.id: item for item in facts.agenda if item.id not in self._agenda}
            case ItemStarted(item=item):
                self._current = item
                part = self._items.setdefault(item, _Part())
                part.started = part.started or entry.at
            case ItemEnded(item=item):
                self._current = None
                self._items.setdefault(item, _Part()).ended = entry.at
            case FloorGiven() as given:
                self._end_turn(None, entry.at)
                self._turn = (entry, given, self._part())
                self._write_turn(None, entry.at)
            case FloorEnded(site=site) if self._turn is not None and self._turn[1].site == site:
                self._end_turn(entry.seq, entry.at)
            case ConclusionRecorded(conclusion=conclusion):
                self._said.setdefault(conclusion, []).append(entry)
            case ConclusionWithdrawn(conclusion=conclusion):
                self._said.pop(conclusion, None)
            case MarkSet(mark=mark, note=note):
                self._unmark(mark)
                self._marked[mark] = self._part()
                text = f"{note} ({hour(entry.at)})." if note else f"Thư ký đánh dấu lúc {hour(entry.at)}."
                self._part().put(Paragraph(f"mark-{mark}", "text", text, (entry.seq,), entry.at.isoformat()))
            case MarkRemoved(mark=mark):
                self._unmark(mark)
            case _:
                pass

    def _unmark(self, mark: str) -> None:
        if mark in self._marked:
            del self._marked.pop(mark).paragraphs[f"mark-{mark}"]

    def _part(self) -> _Part:
        if self._current is not None:
            return self._items[self._current]
        return self._aside if self._items else self._before

    def _end_turn(self, seq: int | None, at: datetime) -> None:
        if self._turn is not None:
            self._write_turn(seq, at)
            self._turn = None

    def _write_turn(self, seq: int | None, until: datetime) -> None:
        """The turn stands where it began, whatever was marked while it lasted."""
        assert self._turn is not None
        start, given, part = self._turn
        text = f"{self._names.get(given.site, given.site)} phát biểu ({stretch(start.at, until)})."
        evidence = (start.seq,) if seq is None else (start.seq, seq)
        part.put(Paragraph(f"turn-{start.seq}", "turn", text, evidence, start.at.isoformat()))

    def _conclude(self) -> None:
        """Conclusions stand last under their item, at the moment when they were first said, in their last text."""
        for conclusion, entries in self._said.items():
            last = entries[-1].event
            assert isinstance(last, ConclusionRecorded)
            part = self._overall if last.item is None else self._items.setdefault(last.item, _Part())
            part.put(
                Paragraph(
                    f"conclusion-{conclusion}",
                    "conclusion",
                    ruling(last),
                    tuple(entry.seq for entry in entries),
                    entries[0].at.isoformat(),
                )
            )

    def _section(self, item: str) -> Section:
        part = self._items.get(item, _Part())
        paragraphs = tuple(part.paragraphs.values())
        if part.started is None and not paragraphs:
            paragraphs = (Paragraph(f"untouched-{item}", "text", "Nội dung này chưa được thảo luận tại cuộc họp."),)
        known = self._known.get(item)
        return Section(item, _heading(known, item), _iso(part.started), _iso(part.ended), None, paragraphs)


def ruling(said: ConclusionRecorded) -> str:
    """*Chủ trì kết luận: giao Sở Xây dựng chủ trì, UBND xã Hương Sơn phối hợp, … trước ngày 05 tháng 12 năm 2026.*"""
    assigned = bool(said.lead or said.cooperating)
    parts = [f"giao {said.lead} chủ trì"] if said.lead else []
    if said.cooperating:
        parts.append(f"{said.cooperating} phối hợp" if said.lead else f"giao {said.cooperating} phối hợp")
    task = said.task.strip().rstrip(".;, ")
    parts.append(_midway(task) if assigned else task)
    deadline = f" trước {_day(said.deadline)}" if said.deadline else ""
    return f"Chủ trì kết luận: {', '.join(parts)}{deadline}."


def _day(deadline: str) -> str:
    try:
        return day(date.fromisoformat(deadline))
    except ValueError:
        return deadline


def _midway(task: str) -> str:
    """The task as it stands within a sentence: a verb loses its capital, a name or an abbreviation keeps it."""
    first, _, rest = task.partition(" ")
    is_name = first[1:].lower() != first[1:] or rest[:1].isupper()
    return task if is_name else task[:1].lower() + task[1:]


def _outside(heading: str, part: _Part) -> tuple[Section, ...]:
    if not part.paragraphs:
        return ()
    return (Section(None, heading, None, None, None, tuple(part.paragraphs.values())),)


def _heading(known: AgendaItem | None, item: str) -> str:
    return f"{known.number}. {known.title}" if known else item


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
