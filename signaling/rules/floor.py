"""The right to speak: asked for, given, yielded (Decision 45/2018/QĐ-TTg, Art. 14-15)."""

from __future__ import annotations

from collections.abc import Iterator

from meetings.access import Role, require
from meetings.errors import WrongMoment
from meetings.events import AnyEvent, FloorAsked, FloorEnded, FloorGiven, FloorMoved, FloorWithdrawn
from meetings.facts import Site
from signaling.protocol import AskFloor, EndFloor, GiveFloor, MoveFloor, WithdrawFloor
from signaling.room import Room
from signaling.rules.agenda import opened
from signaling.rules.seats import present


def ask(room: Room, me: Site, _: AskFloor) -> Iterator[AnyEvent]:
    require(me.role, "ask_floor")
    opened(room)
    if room.seat(me.id).listen_only:
        raise WrongMoment("listen_only", site=me.id)
    if holds(room, me):
        raise WrongMoment("has_floor")
    if room.hand(me.id) is None:
        yield FloorAsked(site=me.id)


def withdraw(room: Room, me: Site, act: WithdrawFloor) -> Iterator[AnyEvent]:
    site = act.site or me.id
    if site != me.id:
        require(me.role, "move_floor")
    if room.hand(site) is not None:
        yield FloorWithdrawn(site=site, by=me.id)


def move(room: Room, me: Site, act: MoveFloor) -> Iterator[AnyEvent]:
    require(me.role, "move_floor")
    hand = room.hand(act.site)
    if hand is None:
        raise WrongMoment("not_waiting", site=act.site)
    position = min(act.position, len(room.queue) - 1)
    if room.queue.index(hand) != position:
        yield FloorMoved(site=act.site, position=position, by=me.id)


def give(room: Room, me: Site, act: GiveFloor) -> Iterator[AnyEvent]:
    """Ends the turn before and begins this one."""
    require(me.role, "give_floor")
    opened(room)
    speaker = present(room, act.site)
    if room.seat(speaker.id).listen_only or speaker.role is Role.OBSERVER:
        raise WrongMoment("listen_only", site=speaker.id)
    if holds(room, speaker):
        return
    if room.turn is not None:
        yield FloorEnded(site=room.turn.site, by=me.id, reason="next")
    yield FloorGiven(site=speaker.id, seconds=act.seconds or room.facts.turn_minutes * 60, by=me.id)


def end(room: Room, me: Site, _: EndFloor) -> Iterator[AnyEvent]:
    """The speaker yields, or who conducts ends the turn."""
    if room.turn is None:
        return
    if holds(room, me):
        yield FloorEnded(site=me.id, by=me.id, reason="yielded")
    else:
        require(me.role, "end_floor")
        yield FloorEnded(site=room.turn.site, by=me.id, reason="ended")


def holds(room: Room, site: Site) -> bool:
    return room.turn is not None and room.turn.site == site.id
