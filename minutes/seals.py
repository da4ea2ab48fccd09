"""Seals: where a chain ended at a moment, kept apart from it. They let a removed tail be missed (ADR 0007)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from minutes.tables import SealedFileRow, SealRow
from store.chain import Line
from store.files import FileRow

ChainName = Literal["events", "minutes"]


async def seal(session: AsyncSession, meeting: str, chain: ChainName, *, seq: int, digest: bytes, at: datetime) -> None:
    """Keeps the end of a chain. An earlier seal of the same number stays as it is."""
    if await session.get(SealRow, (meeting, chain, seq)) is None:
        session.add(SealRow(meeting=meeting, chain=chain, seq=seq, hash=digest, sealed_at=at))


async def seal_log(session: AsyncSession, meeting: str, last: Line, at: datetime) -> None:
    """The same for the event log, whose last line this is."""
    await seal(session, meeting, "events", seq=last.seq, digest=last.hash, at=at)


async def seal_files(session: AsyncSession, meeting: str) -> None:
    """Keeps which files the meeting has now."""
    for row in await session.scalars(select(FileRow).where(FileRow.meeting == meeting)):
        await session.merge(SealedFileRow(file=row.id, meeting=row.meeting, name=row.name, sha256=row.sha256))


async def sealed_end(session: AsyncSession, meeting: str) -> int:
    """The last number of the log that was sealed; 0 when none was."""
    return (
        await session.scalar(select(func.max(SealRow.seq)).where(SealRow.meeting == meeting, SealRow.chain == "events"))
        or 0
    )


async def seals(session: AsyncSession, meeting: str, chain: ChainName) -> list[SealRow]:
    rows = await session.scalars(
        select(SealRow).where(SealRow.meeting == meeting, SealRow.chain == chain).order_by(SealRow.seq)
    )
    return list(rows)
