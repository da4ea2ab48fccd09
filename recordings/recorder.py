"""The recorder process: a Socket.IO client of the server that keeps what the relay sends (``docs/record.md``).

It is killed and started again at any moment, so it imports little, keeps nothing in memory that the disk does not
have, and listens before it says that it is there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import socketio
from msgspec import Struct
from socketio.exceptions import SocketIOError

from recordings import journal
from recordings.intake import Intake
from recordings.messages import (
    EndTrack,
    Gap,
    Inventory,
    OpenRecording,
    StartRecording,
    StartTrack,
    StopRecording,
    TrackIntake,
)
from recordings.rtp import Packet
from recordings.segment import Disk
from recordings.take import Take, monotonic_us
from recordings.track import Track

log = logging.getLogger("nghisu.recorder")
NAMESPACE = "/recorder"
TICK = 0.05
PAIR = 1.0
PAYLOAD_TYPES = {"audio/opus": 111, "video/vp8": 96, "video/h264": 102}


@dataclass(frozen=True)
class RecorderConfig:
    """``server``: the path of the server's Unix socket, or its URL. ``folder`` holds one folder per recording."""

    server: str
    token: str
    folder: Path

    @property
    def by_socket(self) -> bool:
        return "://" not in self.server


async def run(config: RecorderConfig) -> None:
    """Runs until cancelled; then every file is closed."""
    recorder = Recorder(config)
    await recorder.open()
    try:
        await asyncio.Event().wait()
    finally:
        await recorder.close()


class Recorder:
    """Takes, by recording; tracks, by SSRC."""

    def __init__(self, config: RecorderConfig) -> None:
        self._config = config
        self._id = secrets.token_hex(8)
        self._takes: dict[str, Take] = {}
        self._tracks: dict[int, Track] = {}
        self._gaps: asyncio.Queue[tuple[str, int, Gap]] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._disk = Disk()
        self._intake = Intake(self._receive, monotonic_us)
        self._tasks: list[asyncio.Task[None]] = []
        self._http: aiohttp.ClientSession | None = None
        self._sio: Any = None

    async def open(self) -> None:
        self._intake.open()
        connector = aiohttp.UnixConnector(self._config.server) if self._config.by_socket else None
        self._http = aiohttp.ClientSession(connector=connector)
        self._sio = socketio.AsyncClient(
            reconnection_delay=0.1, reconnection_delay_max=1, randomization_factor=0.2, http_session=self._http
        )
        self._sio.on("connect", self._greet, namespace=NAMESPACE)
        requests: dict[str, tuple[type[Struct], Callable[[Any], Awaitable[object]]]] = {
            "start_recording": (StartRecording, self._start_recording),
            "start_track": (StartTrack, self._start_track),
            "end_track": (EndTrack, self._end_track),
            "stop_recording": (StopRecording, self._stop_recording),
        }
        for name, (kind, handler) in requests.items():
            self._sio.on(name, self._answering(kind, handler), namespace=NAMESPACE)
        works = {"connect": self._connect, "tick": self._tick, "pairs": self._pairs, "gaps": self._tell}
        self._tasks = [asyncio.create_task(work(), name=f"recorder:{name}") for name, work in works.items()]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._intake.close()
        await asyncio.gather(*(take.close(stop=False) for take in self._takes.values()))
        self._disk.close()
        with suppress(SocketIOError, TimeoutError):
            await asyncio.wait_for(self._sio.shutdown(), 0.5)
        if self._http:
            await self._http.close()

    # -- the connection -------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        """The first connection; afterwards the library reconnects."""
        url = "http://server" if self._config.by_socket else self._config.server
        delay = 0.1
        while True:
            try:
                await self._sio.connect(
                    url, namespaces=[NAMESPACE], auth={"token": self._config.token}, transports=["websocket"]
                )
                return
            except (SocketIOError, aiohttp.ClientError, OSError) as error:
                log.debug("no server yet: %s", error)
            await asyncio.sleep(delay)
            delay = min(1.0, delay * 1.5)

    async def _greet(self) -> None:
        kept = tuple(OpenRecording(id, tuple(take.tracks)) for id, take in self._takes.items())
        inventory = Inventory(self._id, kept, os.getpid())
        await self._sio.emit("inventory", msgspec.to_builtins(inventory), namespace=NAMESPACE)

    def _answering(
        self, kind: type[Struct], handler: Callable[[Any], Awaitable[object]]
    ) -> Callable[[Any], Awaitable[object]]:
        async def answer(data: Any) -> object:
            try:
                wish = msgspec.convert(data, kind)
                async with self._turn:
                    return msgspec.to_builtins(await handler(wish))
            except (ValueError, OSError) as error:
                log.warning("%s was not carried out: %s", kind.__name__, error)
                return {"error": str(error)}

        return answer

    async def _tell(self) -> None:
        """Tells the server of each gap until it says that it knows."""
        while True:
            recording, number, gap = await self._gaps.get()
            if not await self._told(gap):
                self._gaps.put_nowait((recording, number, gap))
                await asyncio.sleep(0.5)
            elif take := self._takes.get(recording):
                take.told(number)

    async def _told(self, gap: Gap) -> bool:
        try:
            return bool(await self._sio.call("gap", msgspec.to_builtins(gap), namespace=NAMESPACE, timeout=5))
        except SocketIOError:
            return False

    # -- requests -------------------------------------------------------------------------------------------------

    def _folder(self, recording: str) -> Path:
        """Raises ``ValueError`` when the name could lead elsewhere."""
        if not recording or not all(c.isalnum() or c in "-_" for c in recording):
            raise ValueError("not the name of a recording")
        return self._config.folder / recording

    async def _start_recording(self, wish: StartRecording) -> dict[str, float]:
        take = self._takes.get(wish.recording)
        if take is None:

            def on_gap(number: int, gap: Gap) -> None:
                self._gaps.put_nowait((wish.recording, number, gap))

            take = await Take.open(wish, self._folder(wish.recording), self._disk, on_gap)
            self._takes[wish.recording] = take
        return {"media_time": take.now}

    async def _start_track(self, wish: StartTrack) -> TrackIntake:
        take = self._takes.get(wish.recording)
        if take is None:
            raise ValueError("no such recording is open")
        ssrc = secrets.randbits(32)
        track = take.start(wish, ssrc, lambda: self._intake.ask_key(ssrc))
        self._tracks[track.ssrc] = track
        address, port = self._intake.address
        return TrackIntake(address, port, track.ssrc, PAYLOAD_TYPES[wish.mime_type.lower()], track.fresh)

    async def _end_track(self, wish: EndTrack) -> dict[str, float]:
        take = self._takes.get(wish.recording)
        self._forget(take.end(wish) if take else None)
        return {}

    async def _stop_recording(self, wish: StopRecording) -> dict[str, float]:
        take = self._takes.pop(wish.recording, None)
        if take is None:
            folder = self._folder(wish.recording)
            before = await self._disk.call(lambda: journal.load(folder))
            if before is None:
                return {"media_time": 0.0}
            if before.stopped is not None:
                return {"media_time": before.stopped / 1000}
            take = await Take.open(
                StartRecording(before.begun.meeting, wish.recording), folder, self._disk, lambda number, gap: None
            )
        for track in take.tracks.values():
            self._forget(track)
        return {"media_time": await take.close(stop=True)}

    def _forget(self, track: Track | None) -> None:
        if track:
            self._tracks.pop(track.ssrc, None)
            self._intake.forget(track.ssrc)

    # -- media ----------------------------------------------------------------------------------------------------

    def _receive(self, packet: Packet, now: int) -> None:
        track = self._tracks.get(packet.ssrc)
        if track:
            track.receive(packet, now)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = monotonic_us()
            for track in self._tracks.values():
                track.tick(now)

    async def _pairs(self) -> None:
        while True:
            await asyncio.sleep(PAIR)
            for take in self._takes.values():
                take.pair()
