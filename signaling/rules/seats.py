"""Who comes in, who waits, who goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from meetings.access import Role, require
from meetings.errors import MeetingError, NotFound, WrongMoment
from meetings.events import (
    AnyEvent,
    FloorEnded,
    MeetingPrepared,
    NoticeAcknowledged,
    ShareEnded,
    SiteAdmitted,
    SiteAsked,
    SiteJoined,
    SiteLeft,
    SiteRefused,
)
from meetings.facts import Facts, Site
from signaling.protocol import Admit, Enter, Leave, Refuse
from signaling.room import Room


class NotEntered(MeetingError):
    """Only a seated site acts."""

    code = "not_entered"


def known(room: Room, site: str) -> Site:
    """Raises ``NotFound`` when the meeting has no such site."""
    found = room.site(site)
    if found is None:
        raise NotFound("site_unknown", site=site)
    return found


def seated(room: Room, by: str) -> Site:
    """The acting site. Raises ``NotEntered``."""
    site = known(room, by)
    if room.seat(by).presence != "seated":
        raise NotEntered
    return site


def present(room: Room, site: str) -> Site:
    """The site that an act is about. Raises ``WrongMoment`` when it does not sit in the meeting."""
    found = known(room, site)
    if room.seat(site).presence != "seated":
        raise WrongMoment("not_seated", site=site)
    return found


def prepare(room: Room, facts: Facts) -> Iterator[AnyEvent]:
    """The convened facts become those of the Room, unless they were already or the meeting is over."""
    if room.facts != facts and room.state != "adjourned":
        yield MeetingPrepared(facts=facts)


def enter(room: Room, site: str, wish: Enter) -> Iterator[AnyEvent]:
    """A site that holds a ticket comes in: to its seat, or to the lobby where the chair admits each."""
    if room.state == "adjourned":
        raise WrongMoment("meeting_adjourned")
    who, seat = known(room, site), room.seat(site)
    if seat.presence == "refused":
        raise WrongMoment("refused_entry")
    if room.facts.lobby and who.role not in {Role.CHAIR, Role.SECRETARY} and seat.presence in {"absent", "waiting"}:
        if seat.presence == "absent":
            yield SiteAsked(site=site)
        return
    person = wish.person.strip() or who.person
    listen_only = wish.listen_only or who.role is Role.OBSERVER
    if (seat.presence, seat.person, seat.people, seat.listen_only) != ("seated", person, wish.people, listen_only):
        yield SiteJoined(site=site, person=person, people=wish.people, listen_only=listen_only)
    if wish.acknowledged and not seat.informed:
        yield NoticeAcknowledged(site=site, person=person)


def leave(room: Room, site: str, reason: Literal["left", "lost"]) -> Iterator[AnyEvent]:
    """A site goes: by its own act (``left``), or because it did not come back (``lost``)."""
    if room.seat(site).presence != "seated":
        return
    if room.share == site:
        yield ShareEnded(site=site, by=site)
    if room.turn is not None and room.turn.site == site:
        yield FloorEnded(site=site, by=site, reason="left")
    yield SiteLeft(site=site, reason=reason)


def leave_by_oneself(room: Room, me: Site, _: Leave) -> Iterator[AnyEvent]:
    yield from leave(room, me.id, "left")


def admit(room: Room, me: Site, act: Admit) -> Iterator[AnyEvent]:
    require(me.role, "admit")
    known(room, act.site)
    if room.seat(act.site).presence in {"absent", "waiting", "refused"}:
        yield SiteAdmitted(site=act.site, by=me.id)


def refuse(room: Room, me: Site, act: Refuse) -> Iterator[AnyEvent]:
    require(me.role, "admit")
    known(room, act.site)
    presence = room.seat(act.site).presence
    if presence == "seated":
        raise WrongMoment("already_seated", site=act.site)
    if presence != "refused":
        yield SiteRefused(site=act.site, by=me.id)
