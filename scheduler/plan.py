"""Which letters follow from a change of the list or of the facts. Pure.

The rules of iTIP (RFC 5546 §2.1.4, §3.2.2, §3.2.5): every site has one UID for life; SEQUENCE rises whenever calendars
must replace what they hold; whoever is taken off the list, or was written to at an address that no longer holds, gets
a CANCEL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from scheduler.edition import Recipient

Method = Literal["REQUEST", "CANCEL"]


@dataclass(frozen=True)
class Letter:
    method: Method
    recipient: Recipient


@dataclass(frozen=True)
class Plan:
    """``raises``: SEQUENCE must go up. ``letters`` are new ones, ``again`` are sites whose last letter failed."""

    raises: bool
    letters: tuple[Letter, ...]
    again: tuple[str, ...]


def plan(held: Mapping[str, Recipient], failed: set[str], now: Mapping[str, Recipient], *, changed: bool) -> Plan:
    """From what the calendars of the sites hold to what they should hold.

    ``held`` are the sites whose latest letter is a REQUEST, ``failed`` those of them that it did not reach;
    ``changed`` says that the facts of the meeting differ from the last edition.
    """
    gone = [held[site] for site in held if site not in now or now[site].email != held[site].email]
    moved = {recipient.site for recipient in gone}
    renewed = [now[site] for site in now if site in held and (changed or now[site] != held[site])]
    new = [now[site] for site in now if site not in held]
    cancels = tuple(Letter("CANCEL", recipient) for recipient in gone)
    requests = tuple(Letter("REQUEST", recipient) for recipient in (*renewed, *new))
    untouched = failed - moved - {recipient.site for recipient in renewed}
    return Plan(bool(gone or renewed or changed), cancels + requests, tuple(sorted(untouched)))
