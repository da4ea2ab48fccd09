"""One site at a time shows its screen on the stage."""

from __future__ import annotations

from collections.abc import Iterator

from meetings.access import Role, require
from meetings.errors import WrongMoment
from meetings.events import AnyEvent, ShareEnded, ShareStarted
from meetings.facts import Site
from signaling.protocol import EndShare, StartShare
from signaling.room import Room
from signaling.rules.floor import holds


def start(room: Room, me: Site, _: StartShare) -> Iterator[AnyEvent]:
    """Who conducts may always share and takes the stage over; the others while they have the floor."""
    require(me.role, "share")
    if room.seat(me.id).listen_only:
        raise WrongMoment("listen_only", site=me.id)
    if room.share == me.id:
        return
    conducts = me.role in {Role.CHAIR, Role.SECRETARY}
    if room.state == "open" and not conducts and not holds(room, me):
        raise WrongMoment("floor_not_held")
    if room.share is not None:
        if not conducts:
            raise WrongMoment("share_taken", site=room.share)
        yield ShareEnded(site=room.share, by=me.id)
    yield ShareStarted(site=me.id)


def end(room: Room, me: Site, _: EndShare) -> Iterator[AnyEvent]:
    if room.share is None:
        return
    if room.share != me.id:
        require(me.role, "mute")
    yield ShareEnded(site=room.share, by=me.id)
