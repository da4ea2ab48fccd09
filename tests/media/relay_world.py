"""One receiver behind a thin link, and the cameras that it sees, in virtual time.

Of the relay everything is real: producers, slots, fans, log, feedback, estimate, probe, allocator, steering. The
cameras, the link and the receiver's decoder are played here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from bottleneck import Link, feedback
from relay_packets import CC_ID, rtp, see, vp8
from relay_wire import PlainWire

from media import clock
from media.lot import NUMBER_AT
from media.messages import Look
from media.ortc import ROUTER_CAPABILITIES, Sending, Sent, receivable, receiving
from media.producer import Producer
from media.rtp import MID, TRANSPORT_CC, ExtensionIds, Packet
from media.slot import Slot
from media.steering import Steering

MS, SECOND = 1_000, 1_000_000
STEP, FRAME, FEEDBACK, TICK, LOOK = 5 * MS, 40 * MS, 50 * MS, 50 * MS, 400 * MS
HEIGHTS = (180, 360, 720)
RATES = (120_000, 330_000, 1_350_000)
"""Bit/s of each size, as Chromium sends a room with a camera's noise in it."""
KEY = 7
"""A key frame is so many times as large as another frame."""
SHARES = {0: 1.6, 1: 0.8, 2: 0.8}
"""Size of a frame by its temporal layer: 40, 60, 100 % of the bits up to each of the three."""
PATTERN = ((0, False), (2, True), (1, True), (2, False))
TOLD = 200 * MS
"""From the relay's wish for other sizes to the first packet of them: signalling, and the browser's encoder."""
ASKED = 60 * MS
"""From the relay's wish for a key frame to the encoder."""
SPOKEN = 100
"""Octets of a packet of sound, 50 a second."""
LARGEST = 1_100
EXTENSIONS = {MID: 4, TRANSPORT_CC: CC_ID}


class Camera:
    """Sends the sizes that somebody takes; a key frame that is asked for in one comes in all, as libvpx does it."""

    def __init__(self, name: str, wire: PlainWire, rates: tuple[int, ...] = RATES, *, seed: int = 5) -> None:
        self._dice, self._wire = random.Random(seed), wire
        rids = tuple(Sent(f"r{place}", 1000 + 2 * place, 1001 + 2 * place) for place in range(len(rates)))
        self.rates = rates
        self.producer = Producer(
            endpoint=name,
            source="camera",
            kind="video",
            sending=Sending("VP8", 96, 97, rids, "0", EXTENSIONS, 1),
            sender_clock=clock.SenderClock(),
            watcher=self,
            wire=wire,
            ask_key_frame=lambda _: None,
        )
        self.sent = set(range(len(rates)))
        self._told: list[tuple[int, set[int]]] = []
        self._sequences, self._tl0 = [100] * len(rates), [0] * len(rates)
        self._pictures, self._key_at = 0, 0
        self._ids = ExtensionIds()
        self._ids.learn(EXTENSIONS)

    def producer_started(self, producer: Producer, *, again: bool) -> None:
        pass

    def heard(self, producer: Producer, level: int, now: int) -> None:
        pass

    def tick(self, now: int) -> None:
        """What the router does: rates are measured, and the sender is told what is watched."""
        self.producer.measure(now)
        rids = self.producer.watched(now)
        if rids is not None:
            self._told.append((now + TOLD, {int(rid[1:]) for rid in rids} or {0}))
        for place in self.sent:
            if self.producer.encodings[place].stream.key_frame_due(now):
                self._key_at = now + ASKED
        while self._told and self._told[0][0] <= now:
            self.sent = self._told.pop(0)[1]

    def film(self, now: int) -> None:
        """One frame of every size that is sent."""
        temporal, sync = PATTERN[self._pictures % 4]
        self._pictures += 1
        encodings = self.producer.encodings
        asked = 0 < self._key_at <= now or not all(encodings[place].live for place in self.sent)
        self._key_at = 0 if asked else self._key_at
        noise = self._dice.uniform(0.75, 1.25)
        for place in sorted(self.sent):
            octets = int(self.rates[place] / 200 * noise * (KEY if asked else SHARES[temporal]))
            self._send(place, octets, (0, False) if asked else (temporal, sync), now, key=asked)
        self._wire.flush(now)

    def _send(self, place: int, octets: int, layer: tuple[int, bool], now: int, *, key: bool) -> None:
        temporal, sync = layer
        encoding, packets = self.producer.encodings[place], -(-octets // LARGEST)
        self._tl0[place] += not temporal
        for number in range(packets):
            size = octets // packets
            begin = b"\x00\x00\x9d\x01\x2a\x00\x01" + HEIGHTS[place].to_bytes(2, "little") if key else b""
            body = (begin if number == 0 else b"") + bytes(max(0, size - 30)) + bytes([place])
            payload = bytearray(vp8(self._pictures, self._tl0[place], key=key, begins=number == 0, body=body))
            payload[5] = temporal << 6 | sync << 5
            self._sequences[place] += 1
            datagram = rtp(
                self._sequences[place], now * 9 // 100, bytes(payload), marker=number == packets - 1, ssrc=1000 + place
            )
            packet, buffer = Packet(), bytearray(datagram)
            assert packet.read(buffer, len(buffer), self._ids)
            packet.view, packet.arrival = memoryview(buffer), now
            packet.number = encoding.stream.accept(packet.sequence, packet.timestamp, now)
            encoding.received(packet)


class Viewer:
    """A slot's decoder: shows a frame when all packets up to it are here, asks for what is missing, and for a key
    frame when that does not come."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.layer = -1
        self.frames = 0
        self._here: dict[int, tuple[bool, bool, int]] = {}
        self._next = self.newest = -1
        self._asked: dict[int, list[int]] = {}
        self._repaired_at = 0

    def take(self, datagram: bytes, now: int) -> None:
        """A packet of the slot's own stream, or a repetition."""
        seen = see(datagram)
        payload, sequence = seen.payload, seen.sequence
        if seen.ssrc != self.slot.receiving.ssrc:
            if len(payload) < 12:
                return
            sequence, payload = int.from_bytes(payload[:2], "big"), payload[2:]
        if self._next < 0:
            self._next = self.newest = sequence + 0x10000
        place = self.newest + ((sequence - self.newest + 0x8000 & 0xFFFF) - 0x8000)
        if place < self._next:
            return
        key = payload[0] & 0x10 > 0 and not payload[6] & 1
        self._here[place] = (seen.marker, key, payload[-1])
        self._asked.pop(place, None)
        for missing in range(self.newest + 1, place):
            self._asked[missing] = [now, 0, 0]
        self.newest = max(self.newest, place)
        self._decode()
        if key and self._next < place:
            self._skip(place)

    def ask(self, now: int, trip: int) -> None:
        """Asks again for what is missing, once per round trip, ten times."""
        due = list[int]()
        for place, times in self._asked.items():
            if now >= times[1] and times[2] < 10:
                times[1], times[2] = now + max(trip, 50 * MS), times[2] + 1
                due.append(place & 0xFFFF)
        if due:
            self.slot.repeat(due, now)
        if any(now - times[0] > 3 * SECOND for times in self._asked.values()) and now > self._repaired_at:
            self._repaired_at = now + SECOND
            self.slot.want_key_frame()

    def _decode(self) -> None:
        while self._next in self._here:
            marker, _, layer = self._here.pop(self._next)
            self._next += 1
            if marker:
                self.frames += 1
                self.layer = layer

    def _skip(self, place: int) -> None:
        """A key frame lies behind a gap: what is before it is given up."""
        self._next = place
        self._here = {number: kept for number, kept in self._here.items() if number >= place}
        self._asked = {number: times for number, times in self._asked.items() if number >= place}
        self._decode()


@dataclass(frozen=True)
class Moment:
    """``still``: for how long the stage has shown no new frame though it has a source. ``layer``: -1 for none."""

    at: float
    layer: int
    still: float
    empty: bool
    target: int
    wait: float


@dataclass
class Line:
    """``rate`` in bit/s with a token bucket of ``burst`` octets, behind a queue of ``queue`` seconds."""

    rate: int
    burst: int = 3_200
    queue: float = 0.3
    loss: float = 0.0
    delay: float = 0.005

    @property
    def room(self) -> int:
        return int(self.rate / 8 * self.queue) + self.burst

    def link(self) -> Link:
        delay = int(self.delay * SECOND)
        return Link(self.rate, delay=delay, room=self.room, loss=self.loss, burst=self.burst)


class World:
    """Stands where the event loop would for what is to be done later. ``views``: what each slot shows, stage first."""

    numbered, tag, name, handle = True, 0, b"address", None

    def __init__(self, monkeypatch: pytest.MonkeyPatch, line: Line, *, tiles: int = 0) -> None:
        self.now = self.begun = clock.now()
        monkeypatch.setattr(clock, "now", lambda: self.now)
        monkeypatch.setattr("asyncio.get_running_loop", lambda: self)
        self.wire, self.link = PlainWire(), line.link()
        self.log = self.wire._sendlog  # pyright: ignore[reportPrivateUsage]
        self.lane = self.log.take()
        self.buffer = bytearray(2048)
        names = ("stage-video", *(f"tile-{place}" for place in range(tiles)))
        self.cameras = {name: Camera(name, self.wire, seed=place + 5) for place, name in enumerate(names)}
        offers = [
            receiving("video", f"s{place}", name, receivable(ROUTER_CAPABILITIES)) for place, name in enumerate(names)
        ]
        self.slots = {
            name: Slot(
                name=name,
                receiving=offer,
                outlet=self,
                outgoing=self.buffer,
                on_shown=lambda: None,
                spend=lambda size: self.steering.repairs.spend(size, self.now),
            )
            for name, offer in zip(names, offers, strict=True)
        }
        self.steering = Steering(self.slots.values(), self.log, self.lane, numbered=True, now=self.now)
        self.views = {name: Viewer(slot) for name, slot in self.slots.items()}
        self.moments: list[Moment] = []
        self.spoken = self.heard = 0
        self._by_ssrc = {
            ssrc: self.views[name]
            for name, offer in zip(names, offers, strict=True)
            for ssrc in (offer.ssrc, offer.repair_ssrc)
        }
        self._later: list[tuple[int, Callable[[], None]]] = []
        self._sent: dict[int, bytes] = {}
        self._number = -1
        self._at = dict.fromkeys(("frame", "feedback", "tick", "look", "sound", "second"), self.now)
        self._here: dict[int, int] = {}
        self._told = self._count = 0
        self._letters: list[tuple[int, bytes]] = []
        self._frames, self._moved = 0, self.now

    # -- The transport of the slots

    def send_rtp(self, size: int) -> None:
        number = self.log.stamp_one(self.lane, size, self.now)
        self.buffer[NUMBER_AT : NUMBER_AT + 2] = number.to_bytes(2, "big")
        self.send_sealed(memoryview(self.buffer)[:size])

    def send_sealed(self, datagram: memoryview) -> None:
        self._launch(int.from_bytes(datagram[NUMBER_AT : NUMBER_AT + 2], "big"), bytes(datagram), len(datagram))

    def _launch(self, number: int, datagram: bytes, size: int) -> None:
        self._number += (number - self._number) & 0xFFFF
        self._sent[self._number] = datagram
        self.link.send(self._number, size + 44, self.now)

    # --

    def call_later(self, seconds: float, act: Callable[[], None]) -> Any:
        self._later.append((self.now + int(seconds * SECOND), act))

    def show(self, look: Look | None = None) -> None:
        wanted = {name: camera.producer for name, camera in self.cameras.items()}
        self.steering.show(wanted, look, 1, self.now)

    def change(self, line: Line) -> None:
        """The line is another one from now on; what waits in its queue stays there."""
        link = self.link
        link.run(self.now)
        link.rate, link.room, link.burst, link.loss = line.rate, line.room, line.burst, line.loss
        link.delay = int(line.delay * SECOND)

    def run(self, seconds: float) -> list[Moment]:
        """Plays so many seconds. Returns how the stage was in each step of them."""
        begun, end = len(self.moments), self.now + int(seconds * SECOND)
        while self.now < end:
            self.now += STEP
            self._step()
        return self.moments[begun:]

    def _due(self, name: str, every: int) -> bool:
        if self.now < self._at[name]:
            return False
        self._at[name] += every
        return True

    def _step(self) -> None:
        self.link.run(self.now)
        self._receive()
        due = [act for at, act in self._later if at <= self.now]
        self._later = [(at, act) for at, act in self._later if at > self.now]
        for act in due:
            act()
        if self._due("sound", 20 * MS):
            self.spoken += 1
            self._launch(self.log.stamp_one(self.lane, SPOKEN, self.now), b"", SPOKEN)
        if self._due("frame", FRAME):
            for camera in self.cameras.values():
                camera.film(self.now)
        if self._due("feedback", FEEDBACK):
            self._report()
        if self._due("tick", TICK):
            for camera in self.cameras.values():
                camera.tick(self.now)
        if self._due("look", LOOK):
            self.steering.adapt(1, self.now)
        if self._due("second", SECOND):
            for camera in self.cameras.values():
                camera.producer.check_idle(self.now)
        self._note()

    def _receive(self) -> None:
        arrived = self.link.arrived
        self.link.arrived = [(number, at) for number, at in arrived if at > self.now]
        for number, at in arrived:
            if at <= self.now:
                self._here[number] = at
                datagram = self._sent.pop(number)
                if not datagram:
                    self.heard += 1
                elif (view := self._by_ssrc.get(int.from_bytes(datagram[8:12], "big"))) is not None:
                    view.take(datagram, self.now)
        while self._letters and self._letters[0][0] <= self.now:
            self.steering.heed(self._letters.pop(0)[1], self.now)

    def _report(self) -> None:
        trip = 2 * self.link.delay + self.link.wait
        for view in self.views.values():
            view.ask(self.now, trip)
        if self._here:
            first, last = min(self._told, *self._here), max(self._here)
            body = feedback(first, [self._here.get(number) for number in range(first, last + 1)], count=self._count)
            self._here, self._told, self._count = {}, last + 1, self._count + 1
            self._letters.append((self.now + self.link.delay, body))

    def _note(self) -> None:
        stage = self.views["stage-video"]
        empty = stage.slot.shown is None
        if stage.frames != self._frames or empty:
            self._frames, self._moved = stage.frames, self.now
        self.moments.append(
            Moment(
                (self.now - self.begun) / SECOND,
                -1 if empty else stage.layer,
                (self.now - self._moved) / SECOND,
                empty,
                self.steering.estimate.target,
                self.link.wait / SECOND,
            )
        )
