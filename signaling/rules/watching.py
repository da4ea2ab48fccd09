"""Players watch the stage and take no seat (ADR 0008). The log says so; the attendance does not count them."""

from __future__ import annotations

from collections.abc import Iterator

from meetings.access import Role
from meetings.errors import MeetingError, NotAllowed, WrongMoment
from meetings.events import AnyEvent, WatchingEnded, WatchingStarted
from signaling.room import Room
from signaling.rules.seats import known


class InLobby(MeetingError):
    """The chair has not admitted the site yet: its devices are to knock again."""

    code = "waiting_in_lobby"


def may_watch(room: Room, site: str) -> None:
    """The lobby and a refusal hold for a player as for its site.

    Raises ``NotFound``, ``NotAllowed``, ``WrongMoment`` or ``InLobby``.
    """
    who, seat = known(room, site), room.seat(site)
    if room.state == "adjourned":
        raise WrongMoment("meeting_adjourned")
    if seat.presence == "refused":
        raise NotAllowed("refused_entry", site=site)
    guarded = room.facts.lobby and who.role not in {Role.CHAIR, Role.SECRETARY}
    if guarded and seat.presence in {"absent", "waiting"}:
        raise InLobby(site=site)


def begin(room: Room, site: str) -> Iterator[AnyEvent]:
    """Raises what ``may_watch`` raises."""
    may_watch(room, site)
    if not room.seat(site).watching:
        yield WatchingStarted(site=site)


def end(room: Room, site: str) -> Iterator[AnyEvent]:
    """The player is gone, or the meeting is over: nothing is written after that."""
    if room.state != "adjourned" and room.seat(site).watching:
        yield WatchingEnded(site=site)
