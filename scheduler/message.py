"""One letter as a mail that calendars understand (iMIP, RFC 6047). Pure: the same letter is the same bytes every time.

``mixed(alternative(plain, html, text/calendar; method=…), application/ics)``: the alternative is what mail programs act
on, the attachment is what those take that do not know it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from scheduler.edition import Edition, Recipient
from scheduler.ics import Stamp, calendar
from scheduler.letter import Language, Purpose, compose, one_line
from scheduler.plan import Method


class AddressInvalid(ValueError):
    """The recipient's address cannot stand in a mail."""


@dataclass(frozen=True)
class Envelope:
    """What distinguishes this mail: ``copy`` counts how often the same letter was sent again on purpose."""

    method: Method
    sequence: int
    copy: int
    at: datetime


def mail(
    edition: Edition,
    recipient: Recipient,
    purpose: Purpose,
    envelope: Envelope,
    *,
    sender: str,
    link: str,
    language: Language = "vi",
) -> EmailMessage:
    """``sender`` is a mail address with or without a name. Raises ``AddressInvalid``."""
    to = _recipient(recipient)
    letter = compose(edition, recipient, purpose, link, language)
    entry = calendar(
        edition,
        recipient,
        Stamp(envelope.method, envelope.sequence, envelope.at),
        organizer=sender,
        description=letter.summary,
        label=letter.label,
        link=link,
    )
    message = EmailMessage(SMTP)
    message["From"] = _sender(sender)
    message["To"] = to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(envelope.at.astimezone(UTC))
    message["Message-ID"] = message_id(recipient.site, envelope, sender)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note answers it
    message["Content-Language"] = language
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    message.add_alternative(entry.decode(), subtype="calendar", params={"method": envelope.method}, cte="base64")
    message.add_attachment(entry, maintype="application", subtype="ics", filename="giay-moi.ics")
    _fix_boundaries(message)
    return message


def message_id(site: str, envelope: Envelope, sender: str) -> str:
    """Fixed for each letter, so that mailboxes recognise one that arrives twice (ADR 0006)."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "nghisu"
    return f"<{site}.{envelope.sequence}.{envelope.method.lower()}.{envelope.copy}@{domain}>"


def _sender(sender: str) -> Address:
    name, address = parseaddr(sender)
    return Address(display_name=name, addr_spec=address)


def _recipient(recipient: Recipient) -> Address:
    try:
        recipient.email.encode("ascii")
        return Address(display_name=one_line(recipient.person or recipient.site_name), addr_spec=recipient.email)
    except Exception as error:  # the parser raises IndexError and others on malformed addresses
        raise AddressInvalid(recipient.email) from error


def _fix_boundaries(message: EmailMessage) -> None:
    """The library draws them by lot; they need only be absent from the parts, which a long digest is."""
    digest = hashlib.sha256(message["Message-ID"].encode()).hexdigest()[:40]
    parts = [part for part in message.walk() if part.is_multipart()]
    for number, part in enumerate(parts):
        part.set_boundary(f"=_{number}_{digest}")
