"""Rows of recordings: where each stands between the act and the film."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Float, String
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base


class RecordingRow(Base):
    """One recording of a meeting. ``state``: ``recording``, ``composing``, ``ready`` or ``failed``."""

    __tablename__ = "recordings"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    meeting: Mapped[str] = mapped_column(String(32), index=True)
    state: Mapped[str] = mapped_column(String(12), default="recording")
    progress: Mapped[float] = mapped_column(Float, default=0.0)
    """The composed share, 0 to 1, measured in seconds of media."""
    seconds: Mapped[float] = mapped_column(Float, default=0.0)
    film_id: Mapped[str | None] = mapped_column(String(64))
    """The ``FileRow`` of the film."""
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    reason: Mapped[str] = mapped_column(String(400), default="")
    """Why the last attempt to compose failed."""
    started_at: Mapped[datetime]
