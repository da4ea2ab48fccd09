"""What was sent: the edition of an invitation as it stood, and one delivery for each letter to each site."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base, new_id


class EditionRow(Base):
    """The facts of a meeting under one SEQUENCE, frozen: later edits do not leak into letters already queued."""

    __tablename__ = "invitation_editions"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(Integer, primary_key=True)
    facts: Mapped[bytes] = mapped_column(LargeBinary)
    """``scheduler.edition.Edition`` as JSON."""
    created_at: Mapped[datetime]


class DeliveryRow(Base):
    """One letter to one site. It outlives the site: whoever was taken off the list still gets a CANCEL.

    ``state`` is ``queued``, ``sent``, ``failed`` or ``superseded`` (a later letter took its place before it left).
    """

    __tablename__ = "deliveries"
    __table_args__ = (UniqueConstraint("site_id", "sequence", "method", name="uq_deliveries_site_sequence_method"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), index=True)
    site_id: Mapped[str] = mapped_column(String(32))
    sequence: Mapped[int] = mapped_column(Integer)
    method: Mapped[str] = mapped_column(String(10))
    """iTIP: ``REQUEST`` or ``CANCEL``."""
    recipient: Mapped[bytes] = mapped_column(LargeBinary)
    """``scheduler.edition.Recipient`` as JSON."""
    email: Mapped[str] = mapped_column(String(254))
    state: Mapped[str] = mapped_column(String(12), default="queued")
    copy: Mapped[int] = mapped_column(Integer, default=0)
    """Raised when the secretary sends the same letter again."""
    tries: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str] = mapped_column(String(400), default="")
    created_at: Mapped[datetime]
    """Date of the mail and DTSTAMP of its entry."""
    sent_at: Mapped[datetime | None]
