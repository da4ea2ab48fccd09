"""Who reads, writes and approves the minutes of a meeting."""

from __future__ import annotations

from dataclasses import dataclass

from meetings.access import Role
from meetings.errors import NotAllowed
from meetings.tables import Meeting


@dataclass(frozen=True)
class Actor:
    """Who asks: an account, and the person and the unit that it stands for."""

    account: str
    name: str
    person: str | None
    unit: str | None


@dataclass(frozen=True)
class Standing:
    """What one may do with the minutes."""

    reads: bool
    writes: bool
    approves: bool

    def require(self, allowed: bool) -> None:
        """Raises ``NotAllowed`` *minutes_not_allowed* unless it is allowed."""
        if not allowed:
            raise NotAllowed("minutes_not_allowed")


def standing(meeting: Meeting, actor: Actor) -> Standing:
    """By the seats of the meeting, whose sites are loaded.

    The chair approves; a secretary of the meeting or who convened it writes; whoever is invited reads. Where a site
    invites a unit and names no person, the members of the unit are invited.
    """
    mine = {site.role for site in meeting.sites if site.person_id is not None and site.person_id == actor.person}
    my_unit = any(
        site.person_id is None and site.unit_id is not None and site.unit_id == actor.unit for site in meeting.sites
    )
    convened = meeting.created_by == actor.account
    return Standing(
        reads=bool(mine) or my_unit or convened,
        writes=Role.SECRETARY in mine or convened,
        approves=Role.CHAIR in mine,
    )
