"""The personal signed link of an invitation (ADR 0004): who holds it may take this site's seat in this meeting.

A ticket is a compact JWS (RFC 7515, HS256) of the site, the meeting, its serial and its end. It carries no name. The
serial is compared with the site's row, so a reissued or withdrawn ticket is void at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from meetings.errors import MeetingError


class TicketUnknown(MeetingError):
    code = "ticket_unknown"


class TicketExpired(MeetingError):
    code = "ticket_expired"


@dataclass(frozen=True)
class Ticket:
    """``expires_at`` is UTC."""

    site: str
    meeting: str
    serial: int
    expires_at: datetime


class _Claims(msgspec.Struct, frozen=True):
    s: str
    m: str
    n: int
    e: int


class Tickets:
    """Signs and reads tickets with the installation's secret (32 bytes or more)."""

    def __init__(self, secret: bytes) -> None:
        self._key = OctKey.import_key(secret)

    def sign(self, ticket: Ticket) -> str:
        claims = _Claims(ticket.site, ticket.meeting, ticket.serial, int(ticket.expires_at.timestamp()))
        return jws.serialize_compact({"alg": "HS256"}, msgspec.json.encode(claims), self._key)

    def read(self, token: str, now: datetime) -> Ticket:
        """Raises ``TicketUnknown`` when the signature does not hold and ``TicketExpired`` when its time is over."""
        try:
            payload = jws.deserialize_compact(token, self._key, ["HS256"]).payload
            claims = msgspec.json.decode(payload or b"", type=_Claims)
        except (JoseError, msgspec.MsgspecError, ValueError) as error:
            raise TicketUnknown from error
        expires_at = datetime.fromtimestamp(claims.e, UTC)
        if now >= expires_at:
            raise TicketExpired
        return Ticket(claims.s, claims.m, claims.n, expires_at)
