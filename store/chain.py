"""The event chain: rows ``(meeting, seq)``, each with the hash of the row before (``house.md``, ADR 0002).

The hash covers the previous hash, the meeting, the number, the time in microseconds and the payload's bytes, so a
changed, removed, added or reordered row is named by ``verify``. What a payload means is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import BigInteger, Connection, Integer, LargeBinary, String, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base
from store.database import Database

GENESIS = bytes(32)


class EventRow(Base):
    __tablename__ = "events"

    meeting: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    at_us: Mapped[int] = mapped_column(BigInteger)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


_ROWS = Base.metadata.tables[EventRow.__tablename__]
_APPEND = insert(_ROWS)
_FOLLOWING = select(_ROWS.c.seq, _ROWS.c.at_us, _ROWS.c.payload, _ROWS.c.hash).order_by(_ROWS.c.seq)


class SequenceTaken(Exception):
    """Another writer won this number: read the tail and judge again."""


@dataclass(frozen=True)
class Line:
    """One line of the log as stored. ``at`` is UTC."""

    seq: int
    at: datetime
    payload: bytes
    hash: bytes


@dataclass(frozen=True)
class Break:
    """Where the chain does not hold, and why, as a stable word."""

    seq: int
    reason: str


def link(previous: bytes, meeting: str, seq: int, at_us: int, payload: bytes) -> bytes:
    """The hash of one row, 32 bytes."""
    head = f"{meeting}\n{seq}\n{at_us}\n{len(payload)}\n".encode()
    return hashlib.sha256(previous + head + payload).digest()


def microseconds(at: datetime) -> int:
    """Whole microseconds since 1970, exact."""
    delta = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(microsecond=at_us % 1_000_000)


class Chain:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(
        self, meeting: str, after: int, previous: bytes, lines: Sequence[tuple[datetime, bytes]]
    ) -> list[Line]:
        """Writes the lines as ``after + 1 …`` in one transaction. Raises ``SequenceTaken``; then nothing is written."""
        rows: list[dict[str, object]] = []
        written: list[Line] = []
        for seq, (at, payload) in enumerate(lines, after + 1):
            at_us = microseconds(at)
            previous = link(previous, meeting, seq, at_us, payload)
            rows.append({"meeting": meeting, "seq": seq, "at_us": at_us, "payload": payload, "hash": previous})
            written.append(Line(seq, moment(at_us), payload, previous))
        try:
            await self._database.writing.do(lambda connection: connection.execute(_APPEND, rows))
        except IntegrityError as error:
            raise SequenceTaken(meeting, after + 1) from error
        return written

    async def read(self, meeting: str, after: int = 0) -> list[Line]:
        """The lines of a meeting that follow ``after``, in order."""
        question = _FOLLOWING.where(_ROWS.c.meeting == meeting, _ROWS.c.seq > after)

        def read(connection: Connection) -> list[Line]:
            rows = connection.execute(question)
            return [Line(seq, moment(int(at)), _bytes(payload), _bytes(hash)) for seq, at, payload, hash in rows]

        return await self._database.writing.do(read)

    async def verify(self, meeting: str) -> list[Break]:
        """Every place where the chain of a meeting does not hold; empty when it is whole."""
        breaks: list[Break] = []
        previous, expected = GENESIS, 1
        for line in await self.read(meeting):
            if line.seq != expected:
                breaks.append(Break(expected, "missing"))
            if link(previous, meeting, line.seq, microseconds(line.at), line.payload) != line.hash:
                breaks.append(Break(line.seq, "changed"))
            previous, expected = line.hash, line.seq + 1
        return breaks


def _bytes(value: object) -> bytes:
    """SQLite keeps whatever was written by hand into a column; what is no longer bytes cannot match its hash."""
    return value if isinstance(value, bytes) else str(value).encode()
