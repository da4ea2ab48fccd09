"""What the minutes ask of their neighbours; ``server.py`` decides who answers."""

from __future__ import annotations

from typing import Protocol

from minutes.content import Clock


class FilmTime(Protocol):
    """Knows which second of a meeting's film shows a moment, by the recorder's pairs (UTC, media time)."""

    async def clock(self, meeting: str) -> Clock:
        """The clock of the meeting's film as it is known now; without a film it answers ``None`` to everything."""
        ...

    async def recording(self, meeting: str) -> str | None:
        """The recording whose film can be played; ``None`` while there is none."""
        ...


class NoFilm:
    """The answer where nothing is recorded."""

    async def clock(self, meeting: str) -> Clock:
        return lambda _: None

    async def recording(self, meeting: str) -> str | None:
        return None
