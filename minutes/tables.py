"""Rows of the documents of record. Rows of minutes are added, never rewritten, but for saves minutes apart.

Each row bears the hash of the row before (``store.chain.link``), so its history can be verified like the log.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base


class MinutesRow(Base):
    """One revision: what was done, by whom, and the text that it left. The highest revision is the present one."""

    __tablename__ = "minutes"

    meeting: Mapped[str] = mapped_column(ForeignKey("meetings.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True)
    state: Mapped[str] = mapped_column(String(12))
    act: Mapped[str] = mapped_column(String(12))
    """``draft`` (from the log), ``save``, ``submit``, ``return`` or ``approve``."""
    account: Mapped[str] = mapped_column(String(32), default="")
    name: Mapped[str] = mapped_column(String(120), default="")
    """Who did it, as named then; empty where the log did."""
    at: Mapped[datetime]
    since: Mapped[datetime]
    """When the row was begun: later saves of the same hand within minutes go into the same row."""
    reason: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    number: Mapped[str | None] = mapped_column(String(60))
    file: Mapped[str | None] = mapped_column(String(64))
    """The id of the approved PDF/A among the files of the meeting."""
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class SealRow(Base):
    """The end of a chain as it was at a moment: what came off the tail later is missed by comparing with it."""

    __tablename__ = "seals"

    meeting: Mapped[str] = mapped_column(String(32), primary_key=True)
    chain: Mapped[str] = mapped_column(String(8), primary_key=True)
    """``events``, or ``minutes`` with revisions for numbers."""
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    sealed_at: Mapped[datetime]


class SealedFileRow(Base):
    """A file as it was registered when the minutes were approved."""

    __tablename__ = "sealed_files"

    file: Mapped[str] = mapped_column(String(64), primary_key=True)
    meeting: Mapped[str] = mapped_column(String(32), index=True)
    name: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))


class CheckRow(Base):
    """The last verification of a meeting. ``findings`` is JSON (``minutes.verify.Finding``)."""

    __tablename__ = "checks"

    meeting: Mapped[str] = mapped_column(String(32), primary_key=True)
    checked_at: Mapped[datetime]
    whole: Mapped[bool] = mapped_column(Boolean)
    findings: Mapped[bytes] = mapped_column(LargeBinary)
