"""Rows of who may sign in: accounts, sessions, one-time links, counted attempts (ADR 0004).

No secret is kept as it is: passwords are argon2id hashes, tokens of sessions and links are SHA-256 digests.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from meetings.tables import Person
from store.base import Base, new_id


class Account(Base):
    """Who may sign in. ``password_hash`` is ``None`` until the one-time link was used."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    username: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    office: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    disabled: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]

    person: Mapped[Person | None] = relationship(lazy="raise")


class Session(Base):
    """A signed-in browser. ``seen_at`` is written at most once a minute."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    token_digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    browser: Mapped[str] = mapped_column(String(200), default="")
    address: Mapped[str] = mapped_column(String(45), default="")

    account: Mapped[Account] = relationship(lazy="raise")


class OneTimeLink(Base):
    """``purpose``: *first_administrator*, *activate* or *reset*. ``expires_at`` ``None``: no end of its own."""

    __tablename__ = "one_time_links"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    purpose: Mapped[str] = mapped_column(String(20))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    token_digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]

    account: Mapped[Account | None] = relationship(lazy="raise")


class SignInAttempt(Base):
    """One counted attempt against a key (an account or an address, as a digest: a mistyped name may be a password)."""

    __tablename__ = "sign_in_attempts"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    at: Mapped[datetime] = mapped_column(index=True)
