"""The server's end of the namespace ``/recorder``: requests to the recorder, notices from it."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import msgspec
import socketio
from msgspec import Struct
from socketio.exceptions import ConnectionRefusedError as Refusal
from socketio.exceptions import SocketIOError

from meetings.errors import Unavailable
from recordings.messages import EndTrack, Gap, Inventory, StartRecording, StartTrack, StopRecording, TrackIntake

log = logging.getLogger("nghisu.recordings")
NAMESPACE = "/recorder"
PATIENCE = 5.0

T = TypeVar("T")


class Moment(Struct, frozen=True):
    """Media time in seconds."""

    media_time: float


class Done(Struct, frozen=True):
    """The empty answer."""


@dataclass
class _Present:
    """A connected recorder. ``left`` is set when it goes."""

    sid: str
    inventory: Inventory
    left: asyncio.Event = field(default_factory=asyncio.Event)


class RecorderLink(socketio.AsyncNamespace):
    """Requests go to the recorder that holds the recording; a new recording goes to the first that came.

    A second recorder stands by: when the first is killed, ``on_away`` is followed by ``on_returned`` at once.
    ``on_returned``, ``on_away`` and ``on_missing`` are set by whoever directs the recorders.
    """

    def __init__(self, token: str) -> None:
        super().__init__(NAMESPACE)
        self._token = token.encode()
        self._present: dict[str, _Present] = {}
        self._holders: dict[str, str] = {}
        self.on_returned: Callable[[Inventory], Awaitable[None]] | None = None
        self.on_away: Callable[[], Awaitable[None]] | None = None
        self.on_missing: Callable[[Gap], Awaitable[None]] | None = None

    @property
    def available(self) -> bool:
        return bool(self._present)

    @property
    def recorders(self) -> tuple[Inventory, ...]:
        """Who is connected, in the order of their coming."""
        return tuple(present.inventory for present in self._present.values())

    def holder(self, recording: str) -> Inventory | None:
        """Who keeps the recording, or would."""
        found = self._holder(recording)
        return found.inventory if found else None

    async def start_recording(self, wish: StartRecording) -> float:
        return (await self._ask("start_recording", wish.recording, wish, Moment)).media_time

    async def start_track(self, wish: StartTrack) -> TrackIntake:
        return await self._ask("start_track", wish.recording, wish, TrackIntake)

    async def end_track(self, wish: EndTrack) -> None:
        await self._ask("end_track", wish.recording, wish, Done)

    async def stop_recording(self, wish: StopRecording) -> float:
        length = (await self._ask("stop_recording", wish.recording, wish, Moment)).media_time
        self._holders.pop(wish.recording, None)
        return length

    def _holder(self, recording: str) -> _Present | None:
        return self._present.get(self._holders.get(recording, "")) or next(iter(self._present.values()), None)

    async def _ask(self, request: str, recording: str, wish: Struct, kind: type[T]) -> T:
        """Raises ``Unavailable`` when no recorder is there, or it leaves, or is late, or fails."""
        holder = self._holder(recording)
        if holder is None:
            raise Unavailable("recorder_unavailable")
        call = cast("Coroutine[Any, Any, object]", self.call(request, msgspec.to_builtins(wish), to=holder.sid))
        answer = asyncio.create_task(call, name=f"recorder:{request}")
        left = asyncio.create_task(holder.left.wait(), name="recorder:left")
        try:
            await asyncio.wait({answer, left}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise TimeoutError(request)
            answered = msgspec.convert(answer.result(), kind)
        except (SocketIOError, TimeoutError, msgspec.ValidationError) as error:
            log.warning("the recorder did not carry out %s: %r", request, error)
            raise Unavailable("recorder_unavailable") from error
        finally:
            answer.cancel()
            left.cancel()
        self._holders[recording] = holder.sid
        return answered

    # -- what python-socketio calls, by name ----------------------------------------------------------------------

    def on_connect(self, sid: str, environ: dict[str, Any], auth: object = None) -> None:
        offered = cast("dict[str, object]", auth).get("token") if isinstance(auth, dict) else None
        if not isinstance(offered, str) or not hmac.compare_digest(offered.encode(), self._token):
            raise Refusal("token")

    async def on_inventory(self, sid: str, data: object) -> None:
        """The first notice: from here on this connection is a recorder."""
        inventory = msgspec.convert(data, Inventory)
        self._present[sid] = _Present(sid, inventory)
        self._holders.update({kept.recording: sid for kept in inventory.recordings})
        if (inventory.recordings or len(self._present) == 1) and self.on_returned:
            await self.on_returned(inventory)

    async def on_gap(self, sid: str, data: object) -> bool:
        """Acknowledged with ``True`` once whoever directs has taken it over."""
        gap = msgspec.convert(data, Gap)
        if self.on_missing is None:
            return False
        await self.on_missing(gap)
        return True

    async def on_disconnect(self, sid: str, reason: object = None) -> None:
        gone = self._present.pop(sid, None)
        if gone is None:
            return
        gone.left.set()
        held = [recording for recording, holder in self._holders.items() if holder == sid]
        for recording in held:
            del self._holders[recording]
        if (held or not self._present) and self.on_away:
            await self.on_away()
        if held and self._present and self.on_returned:
            await self.on_returned(next(iter(self._present.values())).inventory)
