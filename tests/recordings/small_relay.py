"""A small relay for the tests: plain RTP over real UDP, three seconds kept for replays, key frames on PLI."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from studio import Encoded, Sent, Stream, reel, tone

from media.messages import AskKeyFrame, ProducerInventory, Record, StopRecord


def monotonic_us() -> int:
    return time.monotonic_ns() // 1000


@dataclass
class Producer:
    """``frames`` makes the frame of a number, as a key frame if asked. ``begun_us`` is when the first one is due,
    ``out`` what went to the recorder, with the moment of its sending."""

    inventory: ProducerInventory
    frames: Callable[[int, bool], Encoded]
    every: float
    stream: Stream
    wanted: bool = True
    kept: deque[Sent] = field(default_factory=deque[Sent])
    sink: Record | None = None
    begun_us: int = 0
    out: list[tuple[int, Sent]] = field(default_factory=list[tuple[int, Sent]])


class SmallRelay:
    """``deaf``: ignores requests for key frames. ``late_us``: how late the latest frame was, for the machine has other
    work."""

    def __init__(self) -> None:
        self.producers: dict[tuple[str, str], Producer] = {}
        self.late_us = 0
        self.replays = 0
        self.deaf = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        asyncio.get_running_loop().add_reader(self._socket, self._feedback)
        self._tasks: list[asyncio.Task[None]] = []

    def camera(self, endpoint: str, codec: str = "vp8", source: str = "camera", level: int = 120) -> ProducerInventory:
        inventory = ProducerInventory(source, "video", f"video/{codec}", 90_000, 0)  # pyright: ignore[reportArgumentType]
        film = reel(codec, level)

        def frames(number: int, key: bool) -> Encoded:
            return film[number % len(film)][key]

        self._add(endpoint, Producer(inventory, frames, 1 / 15, Stream(f"video/{codec}", 90_000)))
        return inventory

    def microphone(self, endpoint: str, hertz: float = 440.0) -> ProducerInventory:
        inventory = ProducerInventory("microphone", "audio", "audio/opus", 48_000, 2)
        sound = tone(hertz)

        def frames(number: int, key: bool) -> Encoded:
            return sound[number % len(sound)]

        self._add(endpoint, Producer(inventory, frames, 0.02, Stream("audio/opus", 48_000)))
        return inventory

    def _add(self, endpoint: str, producer: Producer) -> None:
        self.producers[endpoint, producer.inventory.source] = producer
        self._tasks.append(asyncio.create_task(self._produce(producer)))

    async def _produce(self, producer: Producer) -> None:
        producer.begun_us = monotonic_us()
        for number in itertools.count():
            at = number * producer.every
            due = producer.begun_us + round(at * 1e6)
            await asyncio.sleep(max(0, due - monotonic_us()) / 1e6)
            key, producer.wanted = producer.wanted, False
            frame = replace(producer.frames(number, key), at=at)
            now = monotonic_us()
            self.late_us = max(self.late_us, now - due)
            for packet in producer.stream.pack(frame, now):
                producer.kept.append(packet)
                self._send(producer, packet)
            while producer.kept and producer.kept[0].arrival < now - 3_000_000:
                producer.kept.popleft()

    def _send(self, producer: Producer, packet: Sent) -> None:
        wish = producer.sink
        if wish:
            try:
                self._socket.sendto(packet.datagram(wish.ssrc, wish.payload_type), (wish.address, wish.port))
                producer.out.append((monotonic_us(), packet))
            except OSError:
                pass

    def _feedback(self) -> None:
        try:
            data = self._socket.recv(2048)
        except OSError:
            return
        if data[1] == 206 and not self.deaf:
            media = int.from_bytes(data[8:12], "big")
            for producer in self.producers.values():
                if producer.sink and producer.sink.ssrc == media:
                    producer.wanted = True

    # -- the port ``recordings.ports.Relay`` ----------------------------------------------------------------------

    async def record(self, wish: Record) -> None:
        producer = self.producers[wish.endpoint, wish.source]
        producer.sink = wish
        if wish.replay:
            self.replays += 1
            kept = list(producer.kept)
            if producer.inventory.kind == "video":
                starts = [index for index, packet in enumerate(kept) if packet.key_start]
                kept = kept[starts[-1] :] if starts else []
            for packet in kept:
                self._send(producer, packet)

    async def stop_record(self, wish: StopRecord) -> None:
        for producer in self.producers.values():
            if producer.sink and producer.sink.record_id == wish.record_id:
                producer.sink = None

    async def ask_key_frame(self, wish: AskKeyFrame) -> None:
        self.producers[wish.endpoint, wish.source].wanted = not self.deaf

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
