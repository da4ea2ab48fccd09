"""Who may do what in a meeting: one table, read aloud by the clerk (Decision 45/2018/QĐ-TTg, Art. 14-15)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from meetings.errors import NotAllowed


class Role(StrEnum):
    """What a site is in one meeting."""

    CHAIR = "chair"
    SECRETARY = "secretary"
    DELEGATE = "delegate"
    OBSERVER = "observer"


class Office(StrEnum):
    """What an account may do outside meetings."""

    ADMINISTRATOR = "administrator"
    SECRETARY = "secretary"
    MEMBER = "member"


CONDUCT = frozenset({"admit", "start_item", "give_floor", "end_floor", "move_floor", "mute", "record", "conclude"})
SPEAK = frozenset({"speak", "ask_floor", "share"})

MAY: Mapping[Role, frozenset[str]] = {
    Role.CHAIR: CONDUCT | SPEAK | {"open", "adjourn"},
    Role.SECRETARY: CONDUCT | SPEAK | {"mark", "write_minutes"},
    Role.DELEGATE: SPEAK,
    Role.OBSERVER: frozenset(),
}

OFFICE_MAY: Mapping[Office, frozenset[str]] = {
    Office.ADMINISTRATOR: frozenset({"manage_accounts", "manage_units", "convene", "read_outbox", "watch_system"}),
    Office.SECRETARY: frozenset({"manage_units", "convene", "read_outbox"}),
    Office.MEMBER: frozenset(),
}


def require(role: Role, act: str) -> None:
    """Raises ``NotAllowed`` when the role may not do the act."""
    if act not in MAY[role]:
        raise NotAllowed(role=role, act=act)


def require_office(office: Office, act: str) -> None:
    """Raises ``NotAllowed`` when the account may not do the act."""
    if act not in OFFICE_MAY[office]:
        raise NotAllowed(role=office, act=act)
