"""What is known of a meeting before it begins: the frozen facts that a Room is prepared with."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from meetings.access import Role


class AgendaItem(Struct, frozen=True):
    """One numbered piece of business. ``minutes`` is the planned length; ``presenter`` a site id or ``None``."""

    id: str
    number: int
    title: str
    minutes: int
    presenter: str | None = None


class Site(Struct, frozen=True):
    """A room or a browser that may join (điểm cầu): the unit it sits for and who speaks for it."""

    id: str
    unit: str
    name: str
    person: str
    role: Role


class Facts(Struct, frozen=True):
    """The meeting as convened. Times are ISO 8601 with offset; ``turn_minutes`` is the most one speaker gets.

    ``microphones``: *by_floor* keeps delegates muted until the chair gives the floor; *free* leaves them open.
    """

    meeting: str
    title: str
    starts_at: str
    ends_at: str
    body: str
    agenda: tuple[AgendaItem, ...]
    sites: tuple[Site, ...]
    turn_minutes: int = 5
    microphones: Literal["by_floor", "free"] = "by_floor"
    lobby: bool = False
