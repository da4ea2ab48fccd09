"""What an invitation says, frozen at the moment of sending (Decision 45/2018/QĐ-TTg, Art. 10)."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from meetings.access import Role
from meetings.tables import Meeting, Site


class Item(Struct, frozen=True):
    title: str
    minutes: int


class Edition(Struct, frozen=True):
    """The facts that all letters of one SEQUENCE share. Two editions that are equal need no new letter."""

    meeting: str
    title: str
    body: str
    chair: str
    starts_at: datetime
    ends_at: datetime
    place: str
    agenda: tuple[Item, ...]
    request: str
    contact: str
    signer_title: str
    signer_name: str
    cancelled: bool = False
    reason: str = ""
    """Why the meeting will not take place."""


class Recipient(Struct, frozen=True):
    """To whom one letter goes, as it stood. ``person`` is position and name, ``serial`` that of the ticket inside."""

    site: str
    site_name: str
    person: str
    role: Role
    email: str
    serial: int = 1


def edition_of(row: Meeting) -> Edition:
    """The edition that would go out now. The meeting is whole (``meetings.queries.whole``) and has its times."""
    assert row.starts_at is not None
    assert row.ends_at is not None
    chairs = (site for site in row.sites if site.role == Role.CHAIR)
    return Edition(
        meeting=row.id,
        title=row.title,
        body=row.unit.name if row.unit else "",
        chair=next((person(site) or site.name for site in chairs), ""),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        place=row.place,
        agenda=tuple(Item(item.title, item.minutes) for item in row.agenda),
        request=row.request,
        contact=row.contact,
        signer_title=row.signer_title,
        signer_name=row.signer_name,
    )


def recipients_of(row: Meeting) -> dict[str, Recipient]:
    """Who is invited now, by site: every site with an address."""
    return {
        site.id: Recipient(site.id, site.name, person(site), Role(site.role), site.email.strip(), site.ticket_serial)
        for site in row.sites
        if site.email.strip()
    }


def person(site: Site) -> str:
    """Position and name of the invited: *Phó Chủ tịch Trần Thị Hoa*."""
    return f"{site.person_title} {site.person_name}".strip()


encode = msgspec.json.Encoder(order="deterministic").encode
decode_edition = msgspec.json.Decoder(Edition).decode
decode_recipient = msgspec.json.Decoder(Recipient).decode
