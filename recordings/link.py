"""The server's end of the namespace ``/recorder``: requests to the recorder, notices from it."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Coroutine
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


class RecorderLink(socketio.AsyncNamespace):
    """One recorder at a time: the newest connection is the recorder.

    ``on_returned``, ``on_away`` and ``on_missing`` are set by whoever directs the recorder.
    """

    def __init__(self, token: str) -> None:
        super().__init__(NAMESPACE)  # pyright: ignore[reportUnknownMemberType]
        self._token = token.encode()
        self._sid: str | None = None
        self._left = asyncio.Event()
        self.on_returned: Callable[[Inventory], Awaitable[None]] | None = None
        self.on_away: Callable[[], Awaitable[None]] | None = None
        self.on_missing: Callable[[Gap], Awaitable[None]] | None = None

    @property
    def available(self) -> bool:
        return self._sid is not None

    async def start_recording(self, wish: StartRecording) -> float:
        return (await self._ask("start_recording", wish, Moment)).media_time

    async def start_track(self, wish: StartTrack) -> TrackIntake:
        return await self._ask("start_track", wish, TrackIntake)

    async def end_track(self, wish: EndTrack) -> None:
        await self._ask("end_track", wish, Done)

    async def stop_recording(self, wish: StopRecording) -> float:
        return (await self._ask("stop_recording", wish, Moment)).media_time

    async def _ask(self, request: str, wish: Struct, kind: type[T]) -> T:
        """Raises ``Unavailable`` when no recorder is there, or it leaves, or is late, or fails."""
        if self._sid is None:
            raise Unavailable("recorder_unavailable")
        body = msgspec.to_builtins(wish)
        call = cast("Coroutine[Any, Any, object]", self.call(request, body, to=self._sid))  # pyright: ignore[reportUnknownMemberType]
        answer = asyncio.create_task(call, name=f"recorder:{request}")
        left = asyncio.create_task(self._left.wait(), name="recorder:left")
        try:
            await asyncio.wait({answer, left}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise TimeoutError(request)
            return msgspec.convert(answer.result(), kind)
        except (SocketIOError, TimeoutError, msgspec.ValidationError) as error:
            log.warning("the recorder did not carry out %s: %r", request, error)
            raise Unavailable("recorder_unavailable") from error
        finally:
            answer.cancel()
            left.cancel()

    # -- what python-socketio calls, by name ----------------------------------------------------------------------

    def on_connect(self, sid: str, environ: dict[str, Any], auth: object = None) -> None:
        offered = cast("dict[str, object]", auth).get("token") if isinstance(auth, dict) else None
        if not isinstance(offered, str) or not hmac.compare_digest(offered.encode(), self._token):
            raise Refusal("token")

    async def on_inventory(self, sid: str, data: object) -> None:
        """The first notice: from here on this connection is the recorder."""
        inventory = msgspec.convert(data, Inventory)
        self._left.set()
        self._sid, self._left = sid, asyncio.Event()
        if self.on_returned:
            await self.on_returned(inventory)

    async def on_gap(self, sid: str, data: object) -> bool:
        """Acknowledged with ``True`` once whoever directs has taken it over."""
        gap = msgspec.convert(data, Gap)
        if self.on_missing is None:
            return False
        await self.on_missing(gap)
        return True

    async def on_disconnect(self, sid: str, reason: object = None) -> None:
        if sid == self._sid:
            self._sid = None
            self._left.set()
            if self.on_away:
                await self.on_away()
