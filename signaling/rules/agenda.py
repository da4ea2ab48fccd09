"""The meeting opens, goes through its agenda and is adjourned."""

from __future__ import annotations

from collections.abc import Iterator

from meetings.access import require
from meetings.errors import NotFound, WrongMoment
from meetings.events import (
    AnyEvent,
    FloorEnded,
    ItemEnded,
    ItemStarted,
    MeetingAdjourned,
    MeetingOpened,
    RecordingStopped,
    ShareEnded,
    SiteLeft,
)
from meetings.facts import Site
from signaling.protocol import Adjourn, EndItem, OpenMeeting, StartItem
from signaling.room import Room
from signaling.rules.watching import end as end_watching


def opened(room: Room) -> None:
    """Raises ``WrongMoment`` until the chair has opened the meeting."""
    if room.state != "open":
        raise WrongMoment("not_open")


def on_agenda(room: Room, item: str) -> None:
    """Raises ``NotFound`` when the agenda has no such item."""
    if all(known.id != item for known in room.facts.agenda):
        raise NotFound("item_unknown", item=item)


def open_meeting(room: Room, me: Site, _: OpenMeeting) -> Iterator[AnyEvent]:
    require(me.role, "open")
    if room.state == "waiting":
        yield MeetingOpened(by=me.id)


def start_item(room: Room, me: Site, act: StartItem) -> Iterator[AnyEvent]:
    require(me.role, "start_item")
    opened(room)
    on_agenda(room, act.item)
    if room.current_item != act.item:
        yield from _end_current(room, me)
        yield ItemStarted(item=act.item, by=me.id)


def end_item(room: Room, me: Site, _: EndItem) -> Iterator[AnyEvent]:
    require(me.role, "start_item")
    yield from _end_current(room, me)


def adjourn(room: Room, me: Site, _: Adjourn) -> Iterator[AnyEvent]:
    """Everything that is under way ends with the meeting."""
    require(me.role, "adjourn")
    opened(room)
    if room.share is not None:
        yield ShareEnded(site=room.share, by=me.id)
    if room.turn is not None:
        yield FloorEnded(site=room.turn.site, by=me.id, reason="adjourned")
    yield from _end_current(room, me)
    if room.recording is not None:
        yield RecordingStopped(recording=room.recording.id, by=me.id)
    yield MeetingAdjourned(by=me.id)
    for site in room.seated():
        yield SiteLeft(site=site.id, reason="adjourned")
    for site in room.facts.sites:
        yield from end_watching(room, site.id)


def _end_current(room: Room, me: Site) -> Iterator[AnyEvent]:
    if room.current_item is not None:
        yield ItemEnded(item=room.current_item, by=me.id)
