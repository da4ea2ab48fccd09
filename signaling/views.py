"""What one client sees of a Room: pure functions from the Room and who is connected to the types of the protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from meetings import events as e
from meetings.access import Role
from meetings.facts import Site
from signaling import protocol as p
from signaling.room import Room

OFFICERS = frozenset({Role.CHAIR, Role.SECRETARY})


class Live(Struct, frozen=True):
    """What is true of a site's browser at this moment and is no event."""

    connected: bool = False
    devices: p.Devices = p.Devices()
    quality: p.Quality = "unknown"


OFFLINE = Live()
Presence = Mapping[str, Live]


def site(room: Room, of: Site, live: Live) -> p.SiteView:
    seat = room.seat(of.id)
    presence: Literal["absent", "waiting", "seated", "away"] = "absent"
    if seat.presence == "seated":
        presence = "seated" if live.connected else "away"
    elif seat.presence == "waiting" and live.connected:
        presence = "waiting"
    return p.SiteView(
        id=of.id,
        name=of.name,
        person=seat.person or of.person,
        role=of.role,
        presence=presence,
        people=seat.people,
        listen_only=seat.listen_only,
        muted=room.muted(of),
        devices=live.devices if presence == "seated" else OFFLINE.devices,
        quality=live.quality if presence == "seated" else OFFLINE.quality,
        watching=seat.watching,
    )


def sites(room: Room, presence: Presence) -> dict[str, p.SiteView]:
    return {of.id: site(room, of, presence.get(of.id, OFFLINE)) for of in room.facts.sites}


def meeting(room: Room) -> p.MeetingView:
    facts = room.facts
    return p.MeetingView(
        id=facts.meeting,
        title=facts.title,
        body=facts.body,
        starts_at=facts.starts_at,
        ends_at=facts.ends_at,
        state=room.state,
        opened_at=_iso(room.opened_at),
        adjourned_at=_iso(room.adjourned_at),
        turn_minutes=facts.turn_minutes,
        microphones=facts.microphones,
    )


def agenda(room: Room) -> tuple[p.ItemView, ...]:
    def item(of: p.AgendaItem) -> p.ItemView:
        span = room.items.get(of.id)
        return p.ItemView(of, _iso(span.started_at if span else None), _iso(span.ended_at if span else None))

    return tuple(item(of) for of in room.facts.agenda)


def floor(room: Room) -> p.FloorView:
    turn = room.turn and p.Turn(room.turn.site, room.turn.since.isoformat(), room.turn.seconds)
    return p.FloorView(turn, tuple(p.Hand(hand.site, hand.since.isoformat()) for hand in room.queue))


def recording(room: Room, interrupted: bool) -> p.RecordingView:
    if room.recording is None:
        return p.RecordingView("off", None, None)
    state: Literal["on", "interrupted"] = "interrupted" if interrupted else "on"
    return p.RecordingView(state, room.recording.id, room.recording.since.isoformat())


def conclusions(room: Room) -> tuple[p.ConclusionView, ...]:
    return tuple(
        p.ConclusionView(
            id=c.said.conclusion,
            item=c.said.item,
            task=c.said.task,
            lead=c.said.lead,
            cooperating=c.said.cooperating,
            deadline=c.said.deadline,
            at=c.at.isoformat(),
        )
        for c in room.conclusions.values()
    )


def marks(room: Room) -> tuple[p.MarkView, ...]:
    return tuple(p.MarkView(m.id, m.at.isoformat(), m.note) for m in room.marks.values())


def timeline(entries: Iterable[e.Entry]) -> tuple[p.TimelineEntry, ...]:
    """The secretary's time line; events that say nothing to a reader are left out."""
    return tuple(line for entry in entries if (line := _line(entry)) is not None)


def snapshot(
    room: Room, told: dict[str, p.SiteView], entries: Iterable[e.Entry], *, me: str, now: datetime, interrupted: bool
) -> p.Snapshot:
    """The whole Room as the site ``me`` sees it; ``told`` are the sites. Marks and time line are for officers."""
    mine = room.site(me)
    officer = mine is not None and mine.role in OFFICERS and room.seat(me).presence == "seated"
    return p.Snapshot(
        seq=room.seq,
        now=now.isoformat(),
        me=me,
        meeting=meeting(room),
        sites=told,
        current_item=room.current_item,
        agenda=agenda(room),
        floor=floor(room),
        share=room.share,
        recording=recording(room, interrupted),
        conclusions=conclusions(room),
        marks=marks(room) if officer else (),
        timeline=timeline(entries) if officer else (),
    )


def _iso(at: datetime | None) -> str | None:
    return at and at.isoformat()


def _line(entry: e.Entry) -> p.TimelineEntry | None:
    about: str | None = None
    detail: str | None = None
    match entry.event:
        case e.MeetingPrepared() | e.SiteAsked() | e.NoticeAcknowledged() | e.FloorMoved():
            return None
        case e.ItemStarted() | e.ItemEnded():
            detail = entry.event.item
        case e.RecordingStarted() | e.RecordingStopped():
            detail = entry.event.recording
        case e.RecordingGap():
            about, _, detail = entry.event.track.partition(".")
        case e.ConclusionRecorded():
            detail = entry.event.task
        case e.ConclusionWithdrawn():
            detail = entry.event.conclusion
        case e.MarkSet():
            detail = entry.event.note
        case e.MarkRemoved():
            detail = entry.event.mark
        case e.MeetingOpened() | e.MeetingAdjourned():
            about = entry.event.by
        case e.SiteLeft():
            about, detail = entry.event.site, entry.event.reason
        case e.SiteJoined():
            about, detail = entry.event.site, entry.event.person
        case _:
            about = entry.event.site
    kind = str(type(entry.event).__struct_config__.tag)
    return p.TimelineEntry(entry.seq, entry.at.isoformat(), kind, about, detail)
