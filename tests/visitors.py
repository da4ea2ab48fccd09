"""Encoders and players that know only HTTP and WebRTC: aiortc's peer connection, with pictures and tones of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import aiohttp
import av
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

RATE = 48_000
GENEROUS = 90.0
"""Seconds to wait for what must happen."""


async def until(happened: Callable[[], object], what: str) -> None:
    """Raises ``AssertionError``."""
    for _ in range(int(GENEROUS / 0.05)):
        if happened():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{what} did not happen")


class Tone(MediaStreamTrack):
    """A steady tone."""

    kind = "audio"

    def __init__(self, hertz: int) -> None:
        super().__init__()
        self.hertz, self.samples = hertz, 0

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(0.02)
        wave = np.sin(2 * np.pi * self.hertz * (np.arange(960) + self.samples) / RATE) * 12_000
        frame = av.AudioFrame.from_ndarray(wave.astype(np.int16).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.samples, Fraction(1, RATE)
        self.samples += 960
        return frame


class Card(MediaStreamTrack):
    """A picture of one brightness."""

    kind = "video"

    def __init__(self, brightness: int) -> None:
        super().__init__()
        self.brightness, self.frames = brightness, 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(0.1)
        frame = av.VideoFrame.from_ndarray(np.full((180, 320), self.brightness, np.uint8), format="gray8").reformat(
            format="yuv420p"
        )
        frame.pts, frame.time_base = self.frames * 9000, Fraction(1, 90_000)
        self.frames += 1
        return frame


@dataclass
class Watched:
    """What one track has brought; ``samples`` are the last half second of it."""

    kind: str
    frames: int = 0
    brightness: int = -1
    last: float = 0.0
    samples: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(0))

    async def follow(self, track: MediaStreamTrack) -> None:
        """Until the track ends."""
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            self.frames += 1
            self.last = asyncio.get_running_loop().time()
            if isinstance(frame, av.VideoFrame):
                self.brightness = int(frame.to_ndarray(format="gray8").mean())
            elif isinstance(frame, av.AudioFrame):
                mono = frame.to_ndarray().reshape(-1)[:: len(frame.layout.channels)]
                self.samples = np.concatenate([self.samples, mono])[-RATE // 2 :]

    def loudness(self, hertz: int) -> float:
        """Of a tone, in dBFS; very low while nothing comes."""
        if len(self.samples) < RATE // 2 or asyncio.get_running_loop().time() - self.last > 1.0:
            return -120.0
        wave = np.exp(-2j * np.pi * hertz * np.arange(len(self.samples)) / RATE)
        return float(20 * np.log10(abs(np.mean(self.samples / 32768 * wave)) * 2 + 1e-6))


class Client:
    """One visit, at ``address``. ``status``, ``headers`` and ``body`` are those of the last answer."""

    def __init__(self, url: str, door: str, ticket: str | None) -> None:
        self.peer = RTCPeerConnection()
        self.tracks: list[Watched] = []
        self.status = 0
        self.headers: Any = {}
        self.body = ""
        self.address = ""
        self._url, self._door, self._ticket = url, door, ticket
        self._watching: list[asyncio.Task[None]] = []

    @property
    def code(self) -> str:
        """Why it was refused."""
        return json.loads(self.body)["code"]

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> None:
        if self._ticket is not None:
            headers.setdefault("Authorization", f"Bearer {self._ticket}")
        if body is not None:
            headers.setdefault("Content-Type", "application/sdp")
        async with (
            aiohttp.ClientSession() as http,
            http.request(
                method, self._url + path, data=None if body is None else body.encode(), headers=headers
            ) as response,
        ):
            self.status, self.headers, self.body = response.status, response.headers, await response.text()

    async def post(self, query: str = "") -> None:
        """Offers, and takes the answer if there is one."""
        await self.ask("POST", f"/{self._door}{query}", await self.offer())
        if self.status == 201:
            self.address = self.headers["Location"]
            await self.peer.setRemoteDescription(RTCSessionDescription(self.body, "answer"))

    async def connected(self) -> None:
        await until(lambda: self.peer.connectionState == "connected", f"the {self._door} client connected")

    async def delete(self) -> None:
        await self.ask("DELETE", self.address)

    async def close(self) -> None:
        await self.peer.close()
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    def watch(self, track: MediaStreamTrack) -> None:
        self.tracks.append(Watched(track.kind))
        self._watching.append(asyncio.create_task(self.tracks[-1].follow(track)))


def encoder(url: str, ticket: str | None, *, brightness: int = 200, hertz: int = 440) -> Client:
    client = Client(url, "whip", ticket)
    client.peer.addTrack(Tone(hertz))
    client.peer.addTrack(Card(brightness))
    return client


def player(url: str, ticket: str | None, *, sounds: int = 1) -> Client:
    client = Client(url, "whep", ticket)
    client.peer.on("track", client.watch)
    for kind in (*["audio"] * sounds, "video"):
        client.peer.addTransceiver(kind, direction="recvonly")
    return client


def sees(client: Client, brightness: int) -> bool:
    """Whether the picture of this card is on the player's screen."""
    return any(abs(t.brightness - brightness) < 12 for t in client.tracks if t.kind == "video" and t.frames > 5)


def hears(client: Client, hertz: int) -> bool:
    return any(track.loudness(hertz) > -40 for track in client.tracks if track.kind == "audio")
