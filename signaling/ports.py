"""What the live Room asks of its neighbours; ``server.py`` decides who answers."""

from __future__ import annotations

from typing import Protocol

from media.messages import ProducerInventory


class Recorder(Protocol):
    """Keeps what the sites send. Every method may be called again with the same arguments."""

    @property
    def available(self) -> bool:
        """Whether a recorder is connected now."""
        ...

    async def start(self, meeting: str, recording: str) -> None:
        """Begins a recording, or takes it up again after the recorder's return."""
        ...

    async def stop(self, meeting: str, recording: str) -> None:
        """Ends a recording and closes its files."""
        ...

    async def track_available(
        self, meeting: str, recording: str, site: str, endpoint: str, producer: ProducerInventory
    ) -> None:
        """A site sends this now: it is to be kept."""
        ...

    async def track_gone(self, meeting: str, recording: str, site: str, endpoint: str, source: str) -> None:
        """The site no longer sends it."""
        ...
