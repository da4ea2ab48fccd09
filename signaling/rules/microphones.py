"""Mute is enforced by the relay; these rules say whom it silences beyond the meeting's own rule."""

from __future__ import annotations

from collections.abc import Iterator

from meetings.access import Role, require
from meetings.errors import WrongMoment
from meetings.events import AnyEvent, SiteMuted, SiteUnmuted
from meetings.facts import Site
from signaling.protocol import Mute, MuteAll, Unmute
from signaling.room import Room
from signaling.rules.floor import holds
from signaling.rules.seats import present


def mute(room: Room, me: Site, act: Mute) -> Iterator[AnyEvent]:
    """Nobody mutes the chair but the chair."""
    require(me.role, "mute")
    site = present(room, act.site)
    if site.role is Role.CHAIR and site.id != me.id:
        raise WrongMoment("chair_not_muted")
    if not room.muted(site):
        yield SiteMuted(site=site.id, by=me.id)


def unmute(room: Room, me: Site, act: Unmute) -> Iterator[AnyEvent]:
    require(me.role, "mute")
    site = present(room, act.site)
    if room.seat(site.id).listen_only or site.role is Role.OBSERVER:
        raise WrongMoment("listen_only", site=site.id)
    if room.muted(site):
        yield SiteUnmuted(site=site.id, by=me.id)


def mute_all(room: Room, me: Site, _: MuteAll) -> Iterator[AnyEvent]:
    """All but the chair and who has the floor."""
    require(me.role, "mute")
    for site in room.seated():
        if site.role is not Role.CHAIR and not holds(room, site) and not room.muted(site):
            yield SiteMuted(site=site.id, by=me.id)
