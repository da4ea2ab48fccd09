"""What the pages ask of the live rooms; ``server.py`` decides who answers."""

from __future__ import annotations

from typing import Protocol


class Rooms(Protocol):
    async def facts_changed(self, meeting: str) -> None:
        """The convened meeting was edited: a live Room takes the new facts over."""
        ...

    async def cancelled(self, meeting: str) -> None:
        """The meeting was cancelled: whoever waits in its lobby is told."""
        ...

    def present(self, meeting: str) -> int:
        """How many sites are seated now."""
        ...

    def processes(self) -> dict[str, bool | int]:
        """Whether a relay and a recorder are connected, by name, and how many relays."""
        ...

    def totals(self) -> dict[str, int]:
        """How many ``meetings`` are open, ``seats`` taken, ``sockets`` connected and ``recordings`` under way."""
        ...
