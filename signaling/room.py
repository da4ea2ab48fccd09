"""The live meeting as a value: ``Room = fold(log)``. No socket, no clock, no ``await``; nothing here is ever changed.

``apply`` says what each event makes of a Room; ``signaling.rules`` says which events an act may bring about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import reduce
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from meetings import events as e
from meetings.access import Role
from meetings.facts import Facts, Site

NOBODY = Facts(meeting="", title="", starts_at="", ends_at="", body="", agenda=(), sites=())


class Seat(Struct, frozen=True):
    """What the log says of one site. ``override`` is the chair's word on its microphone, above the meeting's rule.

    ``watching``: a player of the site shows the stage; that is no presence.
    """

    presence: Literal["absent", "waiting", "admitted", "refused", "seated"] = "absent"
    person: str = ""
    people: int = 1
    listen_only: bool = False
    informed: bool = False
    override: Literal["muted", "unmuted"] | None = None
    watching: bool = False


class Turn(Struct, frozen=True):
    site: str
    since: datetime
    seconds: int


class Hand(Struct, frozen=True):
    site: str
    since: datetime


class Span(Struct, frozen=True):
    """When an agenda item was treated."""

    started_at: datetime
    ended_at: datetime | None = None


class Conclusion(Struct, frozen=True):
    said: e.ConclusionRecorded
    at: datetime


class Mark(Struct, frozen=True):
    id: str
    at: datetime
    note: str


class Recording(Struct, frozen=True):
    id: str
    since: datetime


ABSENT = Seat()


class Room(Struct, frozen=True):
    """One meeting after the event ``seq``."""

    seq: int = 0
    facts: Facts = NOBODY
    state: Literal["waiting", "open", "adjourned"] = "waiting"
    opened_at: datetime | None = None
    adjourned_at: datetime | None = None
    seats: Mapping[str, Seat] = {}
    current_item: str | None = None
    items: Mapping[str, Span] = {}
    turn: Turn | None = None
    queue: tuple[Hand, ...] = ()
    share: str | None = None
    recording: Recording | None = None
    conclusions: Mapping[str, Conclusion] = {}
    marks: Mapping[str, Mark] = {}

    def site(self, id: str) -> Site | None:
        return next((site for site in self.facts.sites if site.id == id), None)

    def seat(self, site: str) -> Seat:
        return self.seats.get(site, ABSENT)

    def seated(self) -> list[Site]:
        """The sites that sit in the meeting, in the order of the invitation."""
        return [site for site in self.facts.sites if self.seat(site.id).presence == "seated"]

    def muted(self, site: Site) -> bool:
        """Whether the relay keeps this site silent (Decision 45, Art. 15: who speaks has been allowed to)."""
        seat = self.seat(site.id)
        if seat.listen_only or site.role is Role.OBSERVER:
            return True
        if seat.override is not None:
            return seat.override == "muted"
        if site.role is Role.CHAIR or self.state == "waiting":
            return False
        if self.turn is not None and self.turn.site == site.id:
            return False
        return self.facts.microphones == "by_floor"

    def stage(self) -> tuple[str, Literal["camera", "screen"]] | None:
        """Who is on the stage with which picture: who shares, else who has the floor, else the chair."""
        if self.share is not None:
            return self.share, "screen"
        if self.turn is not None:
            return self.turn.site, "camera"
        chairs = (site for site in self.facts.sites if site.role is Role.CHAIR)
        chair = next((site for site in chairs if self.seat(site.id).presence == "seated"), None)
        return (chair.id, "camera") if chair else None

    def hand(self, site: str) -> Hand | None:
        return next((hand for hand in self.queue if hand.site == site), None)


def _seat(room: Room, site: str, **changes: object) -> Room:
    return replace(room, seats={**room.seats, site: replace(room.seat(site), **changes)})


def _without(queue: tuple[Hand, ...], site: str) -> tuple[Hand, ...]:
    return tuple(hand for hand in queue if hand.site != site)


def _moved(queue: tuple[Hand, ...], site: str, position: int) -> tuple[Hand, ...]:
    rest = _without(queue, site)
    mine = tuple(hand for hand in queue if hand.site == site)
    return rest[:position] + mine + rest[position:]


def apply(room: Room, entry: e.Entry) -> Room:
    """The Room after one more event."""
    return replace(_after(room, entry.at, entry.event), seq=entry.seq)


def fold(entries: Iterable[e.Entry], room: Room | None = None) -> Room:
    """The Room that a log tells of."""
    return reduce(apply, entries, room or Room())


def _after(room: Room, at: datetime, event: e.AnyEvent) -> Room:
    match event:
        case e.MeetingPrepared():
            return replace(room, facts=event.facts)
        case e.SiteAsked():
            return _seat(room, event.site, presence="waiting")
        case e.SiteAdmitted():
            return _seat(room, event.site, presence="admitted")
        case e.SiteRefused():
            return _seat(room, event.site, presence="refused")
        case e.SiteJoined():
            return _seat(
                room,
                event.site,
                presence="seated",
                person=event.person,
                people=event.people,
                listen_only=event.listen_only,
            )
        case e.NoticeAcknowledged():
            return _seat(room, event.site, informed=True)
        case e.SiteLeft():
            room = replace(room, queue=_without(room.queue, event.site))
            return _seat(room, event.site, presence="admitted", override=None)
        case e.WatchingStarted():
            return _seat(room, event.site, watching=True)
        case e.WatchingEnded():
            return _seat(room, event.site, watching=False)
        case e.MeetingOpened():
            return replace(room, state="open", opened_at=at)
        case e.ItemStarted():
            return replace(room, current_item=event.item, items={**room.items, event.item: Span(at)})
        case e.ItemEnded():
            span = room.items.get(event.item, Span(at))
            current = None if room.current_item == event.item else room.current_item
            return replace(room, current_item=current, items={**room.items, event.item: replace(span, ended_at=at)})
        case e.FloorAsked():
            return replace(room, queue=(*room.queue, Hand(event.site, at)))
        case e.FloorWithdrawn():
            return replace(room, queue=_without(room.queue, event.site))
        case e.FloorMoved():
            return replace(room, queue=_moved(room.queue, event.site, event.position))
        case e.FloorGiven():
            room = replace(room, turn=Turn(event.site, at, event.seconds), queue=_without(room.queue, event.site))
            return _seat(room, event.site, override=None)
        case e.FloorEnded():
            return _seat(replace(room, turn=None), event.site, override=None)
        case e.SiteMuted():
            return _seat(room, event.site, override="muted")
        case e.SiteUnmuted():
            return _seat(room, event.site, override="unmuted")
        case e.ShareStarted():
            return replace(room, share=event.site)
        case e.ShareEnded():
            return replace(room, share=None)
        case e.RecordingStarted():
            return replace(room, recording=Recording(event.recording, at))
        case e.RecordingGap():
            return room
        case e.RecordingStopped():
            return replace(room, recording=None)
        case e.ConclusionRecorded():
            first = room.conclusions.get(event.conclusion)
            said = Conclusion(event, first.at if first else at)
            return replace(room, conclusions={**room.conclusions, event.conclusion: said})
        case e.ConclusionWithdrawn():
            kept = {id: c for id, c in room.conclusions.items() if id != event.conclusion}
            return replace(room, conclusions=kept)
        case e.MarkSet():
            return replace(room, marks={**room.marks, event.mark: Mark(event.mark, at, event.note)})
        case e.MarkRemoved():
            return replace(room, marks={id: m for id, m in room.marks.items() if id != event.mark})
        case e.MeetingAdjourned():
            return replace(room, state="adjourned", adjourned_at=at)
