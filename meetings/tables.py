"""Rows of what exists before and after a meeting is live: units, people, meetings, agenda, sites."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Boolean, Date, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from store.base import Base, new_id


class Unit(Base):
    """A body in the organisation tree (đơn vị), with the dates between which it exists and who came before it."""

    __tablename__ = "units"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))
    predecessor_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))
    name: Mapped[str] = mapped_column(String(200))
    short_name: Mapped[str] = mapped_column(String(60), default="")
    symbol: Mapped[str] = mapped_column(String(30), default="")
    """The unit's letters in document numbers: *VP* in ``Số: 05/GM-VP``."""
    place: Mapped[str] = mapped_column(String(100), default="")
    """The place name written before the date of its documents."""
    email: Mapped[str] = mapped_column(String(254), default="")
    effective_from: Mapped[date | None] = mapped_column(Date)
    effective_to: Mapped[date | None] = mapped_column(Date)


class Person(Base):
    __tablename__ = "people"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    title: Mapped[str] = mapped_column(String(120), default="")
    """Position, written before the name: *Phó Chủ tịch*."""
    email: Mapped[str] = mapped_column(String(254), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    archived: Mapped[bool] = mapped_column(Boolean, default=False)

    unit: Mapped[Unit | None] = relationship(lazy="raise")


class Meeting(Base):
    """The convened thing (cuộc họp). ``state`` is one life (``meetings.meeting.State``); ``revision`` guards edits."""

    __tablename__ = "meetings"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))
    """The convening body."""
    title: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(20), default="draft", index=True)
    starts_at: Mapped[datetime | None] = mapped_column(index=True)
    ends_at: Mapped[datetime | None]
    regime: Mapped[str] = mapped_column(String(30), default="decision_45")
    kind: Mapped[str] = mapped_column(String(30), default="briefing")
    classification: Mapped[str] = mapped_column(String(20), default="ordinary")
    urgent: Mapped[bool] = mapped_column(Boolean, default=False)
    place: Mapped[str] = mapped_column(String(200), default="")
    """The main site (điểm cầu chính)."""
    request: Mapped[str] = mapped_column(Text, default="")
    """What is asked of attendees."""
    contact: Mapped[str] = mapped_column(String(200), default="")
    signer_title: Mapped[str] = mapped_column(String(200), default="")
    signer_name: Mapped[str] = mapped_column(String(120), default="")
    turn_minutes: Mapped[int] = mapped_column(Integer, default=5)
    microphones: Mapped[str] = mapped_column(String(10), default="by_floor")
    lobby: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether the chair admits each site; else invited sites sit down by themselves."""
    revision: Mapped[int] = mapped_column(Integer, default=1)
    sequence: Mapped[int] = mapped_column(Integer, default=0)
    """iCalendar SEQUENCE: raised on every significant change (RFC 5545 §3.8.7.4)."""
    changed_at: Mapped[datetime | None]
    """The last change of what an invitation says; later than ``invited_at``: the invited do not know it yet."""
    invited_at: Mapped[datetime | None]
    """When the latest invitation was sent, updates included."""
    opened_at: Mapped[datetime | None]
    adjourned_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str] = mapped_column(String(400), default="")
    created_by: Mapped[str] = mapped_column(String(32))
    """The account that convenes."""
    created_at: Mapped[datetime]

    unit: Mapped[Unit | None] = relationship(lazy="raise")
    agenda: Mapped[list[AgendaItem]] = relationship(
        lazy="raise", order_by="AgendaItem.number", cascade="all, delete-orphan"
    )
    sites: Mapped[list[Site]] = relationship(lazy="raise", order_by="Site.number", cascade="all, delete-orphan")


class AgendaItem(Base):
    """One numbered piece of business (nội dung)."""

    __tablename__ = "agenda_items"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(300))
    minutes: Mapped[int] = mapped_column(Integer, default=15)
    presenter: Mapped[str | None] = mapped_column(String(32))
    """The id of the site that presents it."""


class Site(Base):
    """A site of one meeting (điểm cầu): an invited unit or person, its role, its answer, its ticket.

    ``ticket_serial`` is part of the personal signed link: raising it makes the earlier link void.
    """

    __tablename__ = "sites"
    __table_args__ = (UniqueConstraint("meeting_id", "number", name="uq_sites_number"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    role: Mapped[str] = mapped_column(String(20), default="delegate")
    name: Mapped[str] = mapped_column(String(200))
    """The name on the plate: the unit's, unless written otherwise."""
    person_name: Mapped[str] = mapped_column(String(120), default="")
    person_title: Mapped[str] = mapped_column(String(120), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    answer: Mapped[str] = mapped_column(String(12), default="none")
    """``none``, ``accepted``, ``declined`` or ``substitute``."""
    substitute_name: Mapped[str] = mapped_column(String(120), default="")
    answer_note: Mapped[str] = mapped_column(String(400), default="")
    answered_at: Mapped[datetime | None]
    ticket_serial: Mapped[int] = mapped_column(Integer, default=1)
