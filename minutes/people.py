"""Who reads, writes and approves the minutes of a meeting."""

from __future__ import annotations

from dataclasses import dataclass

from meetings.access import Role
from meetings.errors import NotAllowed, NotFound
from meetings.tables import Meeting


@dataclass(frozen=True)
class Actor:
    """Who asks: an account, and the person that it stands for."""

    account: str
    name: str
    person: str | None


@dataclass(frozen=True)
class Standing:
    """What an invited person may do with the minutes, beyond reading them."""

    writes: bool
    approves: bool

    def require(self, allowed: bool) -> None:
        """Raises ``NotAllowed`` *minutes_not_allowed* unless it is allowed."""
        if not allowed:
            raise NotAllowed("minutes_not_allowed")


def standing(meeting: Meeting, actor: Actor) -> Standing:
    """By the seats of the meeting, whose sites are loaded.

    The chair approves; a secretary of the meeting or who convened it writes; whoever is invited reads. Raises
    ``NotFound`` for a meeting that is none of one's business.
    """
    mine = {site.role for site in meeting.sites if site.person_id is not None and site.person_id == actor.person}
    convened = meeting.created_by == actor.account
    if not mine and not convened:
        raise NotFound("meeting_unknown")
    return Standing(writes=Role.SECRETARY in mine or convened, approves=Role.CHAIR in mine)
