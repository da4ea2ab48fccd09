"""One visitor: which site it comes for, by which door, and until when it is awaited."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Literal

from signaling.doors.player import Player
from signaling.live import LiveRoom

Door = Literal["whip", "whep"]


class Visit:
    """``id`` names the visit, its endpoint at the relay and, for an encoder, its socket in the presence."""

    def __init__(
        self, door: Door, site: str, room: LiveRoom, player: Player | None = None, id: str | None = None
    ) -> None:
        self.id = id or f"{site}.{door}-{secrets.token_hex(8)}"
        self.door, self.site, self.room, self.player = door, site, room, player
        self._timer: asyncio.TimerHandle | None = None

    @property
    def direction(self) -> Literal["send", "receive"]:
        """Which transport of its endpoint the visitor uses."""
        return "send" if self.door == "whip" else "receive"

    def expect(self, seconds: float | None, expired: Callable[[Visit], None] | None = None) -> None:
        """Awaits a sign of life for so long, in place of any earlier term; ``None``: all is well."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None and expired is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, expired, self)


def door_of(endpoint: str) -> Door | None:
    """By which door an endpoint came; ``None`` for a browser's."""
    match endpoint.partition(".")[2].partition("-")[0]:
        case "whip":
            return "whip"
        case "whep":
            return "whep"
        case _:
            return None
