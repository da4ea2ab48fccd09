"""Document numbers: from 01 each year, one series per kind and body, unique (Decree 30/2020/NĐ-CP, Art. 15 and 18).

A number is given inside the transaction that approves the paper: if that is rolled back, the number was never given,
so a series has no gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, String, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from documents.wording import VIETNAM
from store.base import Base


class NumberTaken(Exception):
    """Another paper of the series was given this number first: look again which one follows."""


class NumberRow(Base):
    """The register of papers issued (sổ đăng ký văn bản đi). ``subject`` is the id of what the paper is about."""

    __tablename__ = "document_numbers"

    body: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    subject: Mapped[str] = mapped_column(String(32))
    given_at: Mapped[datetime]


@dataclass(frozen=True)
class Series:
    """The papers of one kind (*BB*, *GM*) that one body issues in one year; ``body`` is its id."""

    body: str
    kind: str
    year: int


def series(body: str, kind: str, at: datetime) -> Series:
    """The series that a paper approved at this moment belongs to: the year is Vietnam's."""
    return Series(body, kind, at.astimezone(VIETNAM).year)


async def following(session: AsyncSession, of: Series) -> int:
    """The number that the next paper of the series gets."""
    last = await session.scalar(
        select(func.max(NumberRow.number)).where(
            NumberRow.body == of.body, NumberRow.kind == of.kind, NumberRow.year == of.year
        )
    )
    return (last or 0) + 1


async def give(session: AsyncSession, of: Series, number: int, subject: str, at: datetime) -> None:
    """Enters the number in the register. Raises ``NumberTaken`` unless it is the one that follows."""
    if await following(session, of) != number:
        raise NumberTaken(number)
    session.add(NumberRow(body=of.body, kind=of.kind, year=of.year, number=number, subject=subject, given_at=at))
    try:
        await session.flush()
    except IntegrityError as error:
        raise NumberTaken(number) from error
