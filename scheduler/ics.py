"""The calendar entry of one site (RFC 5545, iTIP RFC 5546, CONFERENCE of RFC 7986).

Each site has a UID of its own, ``<meeting>.<site>@nghisu``, and keeps it for life. One UID for the whole meeting would
carry either one personal link to everybody or thousands of addresses to each; and a mailbox that serves two sites would
see the second letter overwrite the first (RFC 5546 §2.1.5: same UID, same SEQUENCE, later DTSTAMP wins). Removing one
site is then one CANCEL, which touches nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr

from icalendar import Calendar, Component, Event, Timezone, TimezoneStandard, vCalAddress, vText, vUri
from icalendar.prop import vDDDTypes

from meetings.access import Role
from meetings.working_days import VIETNAM
from scheduler.edition import Edition, Recipient
from scheduler.plan import Method

ZONE = "Asia/Ho_Chi_Minh"

ROLES = {
    Role.CHAIR: "CHAIR",
    Role.SECRETARY: "REQ-PARTICIPANT",
    Role.DELEGATE: "REQ-PARTICIPANT",
    Role.OBSERVER: "OPT-PARTICIPANT",
}


@dataclass(frozen=True)
class Stamp:
    """What identifies one revision. ``at`` is DTSTAMP: the same letter sent twice is the same bytes."""

    method: Method
    sequence: int
    at: datetime


def uid(meeting: str, site: str) -> str:
    return f"{meeting}.{site}@nghisu"


def calendar(
    edition: Edition, recipient: Recipient, stamp: Stamp, *, organizer: str, description: str, label: str, link: str
) -> bytes:
    """The iCalendar object. ``organizer`` is a mail address, with or without a name; ``label`` names the link."""
    entry = Calendar()
    head = {"prodid": "-//Nghi Su//Nghi Su//VI", "version": "2.0", "calscale": "GREGORIAN", "method": stamp.method}
    _fill(entry, head)
    entry.add_component(_zone())
    event = Event()
    _fill(event, _event(edition, recipient, stamp, organizer, description))
    if stamp.method == "REQUEST":
        _fill(event, {"conference": _conference(link, label)})
    entry.add_component(event)
    return entry.to_ical()


def _event(edition: Edition, recipient: Recipient, stamp: Stamp, organizer: str, description: str) -> dict[str, object]:
    cancelled = stamp.method == "CANCEL"
    return {
        "uid": uid(edition.meeting, recipient.site),
        "sequence": stamp.sequence,
        "dtstamp": stamp.at,
        "dtstart": _local(edition.starts_at),
        "dtend": _local(edition.ends_at),
        "summary": edition.title,
        "location": edition.place,
        "description": description,
        "status": "CANCELLED" if cancelled else "CONFIRMED",
        "transp": "TRANSPARENT" if cancelled else "OPAQUE",
        "organizer": _address(parseaddr(organizer)[1], edition.body),
        "attendee": _attendee(recipient, stamp.method),
    }


def _attendee(recipient: Recipient, method: Method) -> vCalAddress:
    attendee = _address(recipient.email, recipient.person or recipient.site_name)
    attendee.params["cutype"] = vText("INDIVIDUAL" if recipient.person else "ROOM")
    attendee.params["role"] = vText(ROLES[recipient.role])
    attendee.params["partstat"] = vText("NEEDS-ACTION")
    attendee.params["rsvp"] = vText("TRUE" if method == "REQUEST" else "FALSE")
    return attendee


def _address(address: str, name: str) -> vCalAddress:
    value = vCalAddress(f"mailto:{address}")
    value.params["cn"] = vText(name)
    return value


def _conference(link: str, label: str) -> vUri:
    uri = vUri(link)
    uri.params["value"] = vText("URI")
    uri.params["feature"] = ["AUDIO", "VIDEO"]
    uri.params["label"] = vText(label)
    return uri


def _local(at: datetime) -> vDDDTypes:
    """Wall-clock time of Vietnam with its TZID."""
    value = vDDDTypes(at.astimezone(VIETNAM).replace(tzinfo=None))
    value.params["tzid"] = ZONE
    return value


def _zone() -> Timezone:
    """Vietnam has kept +07:00 without summer time since 13 June 1975 (tz database)."""
    standard, zone = TimezoneStandard(), Timezone()
    offsets = {"tzoffsetfrom": timedelta(hours=8), "tzoffsetto": timedelta(hours=7)}
    _fill(standard, {"dtstart": datetime(1975, 6, 13), "tzname": "+07", **offsets})
    _fill(zone, {"tzid": ZONE})
    zone.add_component(standard)
    return zone


def _fill(component: Component, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        component.add(name, value)  # pyright: ignore[reportUnknownMemberType]
