"""Who is connected to a meeting now, with what devices, and who is awaited back. Kept in memory: none of it is law.

A short disconnect is no event: the seat is kept for ``GRACE`` seconds (``experience.md``). Time is an argument, in
seconds of any monotonic clock; ``next_due`` says when to look again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from signaling.protocol import Devices, Quality
from signaling.views import OFFLINE, Live

GRACE = 90.0


@dataclass
class Presence:
    """``connections`` maps a site to its socket, ``lives`` to what others see of it."""

    connections: dict[str, str] = field(default_factory=dict[str, str])
    lives: dict[str, Live] = field(default_factory=dict[str, Live])
    _awaited: dict[str, float] = field(default_factory=dict[str, float])

    def view(self) -> Mapping[str, Live]:
        return self.lives

    def connect(self, site: str, socket: str) -> str | None:
        """The site is here by this socket. Returns the socket that it replaces."""
        replaced = self.connections.get(site)
        self.connections[site] = socket
        self._awaited.pop(site, None)
        self.lives[site] = replace(self.lives.get(site, OFFLINE), connected=True)
        return replaced if replaced != socket else None

    def disconnect(self, site: str, socket: str, now: float) -> bool:
        """The socket closed. False when the site is here by another one already."""
        if self.connections.get(site) != socket:
            return False
        del self.connections[site]
        self.lives[site] = replace(self.lives.get(site, OFFLINE), connected=False)
        self._awaited[site] = now + GRACE
        return True

    def expect(self, site: str, now: float) -> None:
        """A site that the log says is seated and that has not come back yet, as after a restart."""
        if site not in self.connections:
            self._awaited.setdefault(site, now + GRACE)

    def forget(self, site: str) -> None:
        self._awaited.pop(site, None)

    def set_devices(self, site: str, devices: Devices) -> None:
        self.lives[site] = replace(self.lives.get(site, OFFLINE), devices=devices)

    def set_quality(self, site: str, quality: Quality) -> None:
        self.lives[site] = replace(self.lives.get(site, OFFLINE), quality=quality)

    def due(self, now: float) -> list[str]:
        """The sites whose grace is over."""
        return [site for site, at in self._awaited.items() if at <= now]

    def next_due(self) -> float | None:
        return min(self._awaited.values(), default=None)
