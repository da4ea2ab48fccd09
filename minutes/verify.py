"""Whether a meeting is as it was: log, seals, minutes, files (ADR 0007). What does not hold is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from meetings.errors import NotFound
from meetings.tables import Meeting
from minutes import content as contents
from minutes.history import broken
from minutes.seals import seals
from minutes.state import State
from minutes.tables import CheckRow, MinutesRow, SealedFileRow
from store.chain import Chain
from store.database import Database
from store.files import FileRow, Files

Part = Literal["log", "event", "minutes", "file", "database"]
Reason = Literal["missing", "changed", "size", "unsealed", "unregistered", "unreadable", "no_evidence"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that does not hold. ``name``: the number of an event or a revision, or the name of a file."""

    part: Part
    name: str
    reason: Reason


@dataclass(frozen=True)
class Report:
    """``events``, ``revisions`` and ``files`` say how much was checked."""

    meeting: str
    title: str
    checked_at: datetime
    events: int
    revisions: int
    files: int
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        return not self.findings


@dataclass(frozen=True)
class Check:
    """The last report of a meeting, as it was kept."""

    checked_at: datetime
    whole: bool
    findings: tuple[Finding, ...]


@dataclass
class _Findings:
    found: dict[Finding, None] = field(default_factory=dict[Finding, None])

    def add(self, part: Part, name: object, reason: Reason) -> None:
        self.found[Finding(part, str(name), reason)] = None

    @asynccontextmanager
    async def reading(self, part: Part) -> AsyncGenerator[None]:
        """A database that cannot be read is a finding, not an accident."""
        try:
            yield
        except (DBAPIError, msgspec.MsgspecError, ValueError, TypeError):
            self.add(part, "*", "unreadable")


async def verify(database: Database, chain: Chain, files: Files, meeting: str, now: datetime) -> Report:
    """Checks everything and keeps the result. Raises ``NotFound`` for a meeting of which nothing is known."""
    findings = _Findings()
    title, events, revisions, checked = "", 0, 0, 0
    known = False
    async with findings.reading("database"), database.begin() as session:
        row = await session.get(Meeting, meeting)
        title, known = (row.title, True) if row else ("", False)
    async with findings.reading("log"):
        events = await _log(database, chain, meeting, findings)
    if not known and not events and not findings.found:
        raise NotFound("meeting_unknown")
    async with findings.reading("database"), database.begin() as session:
        revisions = await _minutes(session, meeting, events, findings)
    async with findings.reading("database"):
        checked = await _files(database, files, meeting, findings)
    report = Report(meeting, title, now, events, revisions, checked, tuple(findings.found))
    with suppress(DBAPIError):
        await _keep(database, report)
    return report


async def last_check(session: AsyncSession, meeting: str) -> Check | None:
    """The last result; ``None`` when the meeting was never checked."""
    row = await session.get(CheckRow, meeting)
    if row is None:
        return None
    return Check(row.checked_at, row.whole, msgspec.json.decode(row.findings, type=tuple[Finding, ...]))


async def _log(database: Database, chain: Chain, meeting: str, findings: _Findings) -> int:
    """The chain itself, and its end against the seals. Returns the number of the last event."""
    for gap in await chain.verify(meeting):
        findings.add("event", gap.seq, "missing" if gap.reason == "missing" else "changed")
    hashes = {line.seq: line.hash for line in await chain.read(meeting)}
    end = max(hashes, default=0)
    async with database.begin() as session:
        kept = await seals(session, meeting, "events")
    for seal in kept:
        if seal.seq > end:
            findings.add("event", seal.seq, "missing")
        elif seal.seq in hashes and hashes[seal.seq] != seal.hash:
            findings.add("event", seal.seq, "changed")
    return end


async def _minutes(session: AsyncSession, meeting: str, events: int, findings: _Findings) -> int:
    """The history of the minutes, its seals, and what the approved text rests on. Returns how many revisions."""
    for revision in await broken(session, meeting):
        findings.add("minutes", revision, "changed")
    rows = list(
        await session.scalars(
            select(MinutesRow)
            .where(MinutesRow.meeting == meeting)
            .order_by(MinutesRow.revision)
            .options(undefer(MinutesRow.content))
        )
    )
    held = {row.revision: row.hash for row in rows}
    for seal in await seals(session, meeting, "minutes"):
        if seal.seq not in held:
            findings.add("minutes", seal.seq, "missing")
        elif held[seal.seq] != seal.hash:
            findings.add("minutes", seal.seq, "changed")
    if rows and not await seals(session, meeting, "events"):
        findings.add("log", "*", "unsealed")
    for row in rows:
        if row.state == State.APPROVED:
            if any(seq > events for seq in contents.evidence(contents.decode(row.content))):
                findings.add("minutes", row.revision, "no_evidence")
            if row.file is None or await session.get(FileRow, row.file) is None:
                findings.add("file", f"biên bản {row.number}", "unregistered")
    return len(rows)


async def _files(database: Database, files: Files, meeting: str, findings: _Findings) -> int:
    """Every registered file against its bytes, every sealed one against its row. Returns how many were read."""
    rows = await files.of(meeting)
    for row in rows:
        if reason := await asyncio.to_thread(_compare, files, row):
            findings.add("file", row.name, reason)
    registered = {row.id: row.sha256 for row in rows}
    async with database.begin() as session:
        for sealed in await session.scalars(select(SealedFileRow).where(SealedFileRow.meeting == meeting)):
            if sealed.file not in registered:
                findings.add("file", sealed.name, "unregistered")
            elif registered[sealed.file] != sealed.sha256:
                findings.add("file", sealed.name, "changed")
    return len(rows)


def _compare(files: Files, row: FileRow) -> Reason | None:
    try:
        size = files.path(row).stat().st_size
    except OSError:
        return "missing"
    if size != row.bytes:
        return "size"
    return None if files.verify(row) else "changed"


async def _keep(database: Database, report: Report) -> None:
    async with database.begin() as session:
        await session.merge(
            CheckRow(
                meeting=report.meeting,
                checked_at=report.checked_at,
                whole=report.whole,
                findings=msgspec.json.encode(report.findings),
            )
        )
