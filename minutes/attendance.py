"""Who was present from when to when, and in whose place: derived from the log (Decision 45/2018/QĐ-TTg, Art. 14-15).

Only the time between opening and adjournment counts. A seat that was lost and taken again within a minute was never
empty: a reload of the page is not an absence.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from documents.wording import count, hour, listed
from meetings.access import Role
from meetings.events import Entry, SiteJoined, SiteLeft
from meetings.facts import Site

RELOAD = timedelta(minutes=1)
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Invited:
    """Who was asked to sit at a site: position, name, the substitute that was named, whether absence was told."""

    title: str = ""
    name: str = ""
    substitute: str = ""
    declined: bool = False

    @property
    def called(self) -> str:
        return f"{self.title} {self.name}".strip()


@dataclass
class Stay:
    """A site in the meeting: who spoke for it in turn, the most heads it counted, when it was there."""

    persons: list[str] = field(default_factory=list[str])
    people: int = 1
    spans: list[Span] = field(default_factory=list[Span])


def stays(entries: Sequence[Entry], opened: datetime, adjourned: datetime) -> dict[str, Stay]:
    """The sites that were present, by id, in the order in which they came."""
    found: dict[str, Stay] = {}
    since: dict[str, datetime] = {}

    def leave(site: str, at: datetime) -> None:
        start, end = max(since.pop(site), opened), min(at, adjourned)
        spans = found[site].spans
        if end <= start:
            return
        if spans and start - spans[-1][1] < RELOAD:
            start = spans.pop()[0]
        spans.append((start, end))

    for entry in entries:
        match entry.event:
            case SiteJoined(site=site, person=person, people=people):
                stay = found.setdefault(site, Stay())
                if person and not any(_key(person) == _key(known) for known in stay.persons):
                    stay.persons.append(person)
                stay.people = max(stay.people, people)
                since.setdefault(site, entry.at)
            case SiteLeft(site=site) if site in since:
                leave(site, entry.at)
            case _:
                pass
    for site in list(since):
        leave(site, adjourned)
    return {site: stay for site, stay in found.items() if stay.spans}


def lines(sites: Sequence[Site], present: Mapping[str, Stay], roll: Mapping[str, Invited]) -> tuple[str, ...]:
    """The attendance as the minutes say it: the count, one line a site, then those who were invited and absent."""
    there = [site for site in sites if site.id in present]
    replaced = sum(1 for site in there if _substitute(present[site.id], roll.get(site.id, Invited())))
    heads = sum(present[site.id].people for site in there)
    summary = f"Có mặt {count(len(there))}/{count(len(sites))} điểm cầu, {count(heads)} người"
    if replaced:
        summary += f"; {count(replaced)} điểm cầu có người dự thay"
    return (
        summary,
        *(_present(site, present[site.id], roll.get(site.id, Invited())) for site in there),
        *(_absent(site, roll.get(site.id, Invited())) for site in sites if site.id not in present),
    )


def _present(site: Site, stay: Stay, invited: Invited) -> str:
    who = ", sau đó ".join(stay.persons) or site.person
    if _substitute(stay, invited):
        who += f" (dự thay {invited.called})"
    elif stay.persons and invited.name and not _named(stay, invited.name):
        who += f" (người được mời: {invited.called})"
    if stay.people > 1:
        who = f"{who} và {count(stay.people - 1)} người" if who else f"{count(stay.people)} người"
    if site.role is Role.OBSERVER:
        who = f"{who}, dự thính" if who else "dự thính"
    times = listed([f"từ {hour(start)} đến {hour(end)}" for start, end in stay.spans])
    return f"{site.name}: {who}; có mặt {times}" if who else f"{site.name}: có mặt {times}"


def _absent(site: Site, invited: Invited) -> str:
    asked = f" (người được mời: {invited.called})" if invited.called else ""
    return f"Vắng mặt: {site.name}{asked}{', có báo trước' if invited.declined else ''}"


def _substitute(stay: Stay, invited: Invited) -> bool:
    """Whether somebody else sat there in the place of the invited, as was told beforehand."""
    return bool(invited.substitute and invited.name) and not _named(stay, invited.name)


def _named(stay: Stay, name: str) -> bool:
    return any(_key(name) in _key(person) for person in stay.persons)


def _key(name: str) -> str:
    """A name for comparison: without accents, case and spare spaces, as it may be typed in a hurry."""
    bare = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    return " ".join("".join(a for a in bare if not unicodedata.combining(a)).split())
