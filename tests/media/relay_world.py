"""One receiver behind a thin link, and the cameras that it sees, in virtual time.

Of the relay everything is real: producers, slots, fans, log, feedback, estimate, probe, allocator, steering. The
cameras, the link and the receiver's decoders are played here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from bottleneck import Link, feedback
from relay_camera import Camera
from relay_viewer import Viewer
from relay_wire import PlainWire

from media import clock
from media.lot import NUMBER_AT
from media.messages import Look
from media.ortc import ROUTER_CAPABILITIES, receivable, receiving
from media.slot import Slot
from media.steering import Steering

MS, SECOND = 1_000, 1_000_000
STEP, FRAME, FEEDBACK, TICK, LOOK = 5 * MS, 40 * MS, 50 * MS, 50 * MS, 400 * MS
SPOKEN = 100
"""Octets of a packet of sound, 50 a second."""


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
    """Stands where the event loop would for what is to be done later. ``views``: what each slot shows, stage first.

    ``octets`` is all that was sent, ``spoken`` and ``heard`` are packets of sound. ``silent``: nobody speaks.
    """

    numbered, tag, name, handle = True, 0, b"address", None

    def __init__(self, monkeypatch: pytest.MonkeyPatch, line: Line, *, tiles: int = 0, silent: bool = False) -> None:
        self.now = self.begun = clock.now()
        monkeypatch.setattr(clock, "now", lambda: self.now)
        monkeypatch.setattr("asyncio.get_running_loop", lambda: self)
        self.wire, self.link = PlainWire(), line.link()
        self.log = self.wire.log
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
        self.spoken = self.heard = self.octets = 0
        self._sounds = 0 if silent else 1
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
        self.octets += size
        self.link.send(self._number, size + 44, self.now)

    # --

    def call_later(self, seconds: float, act: Callable[[], None]) -> Any:
        self._later.append((self.now + int(seconds * SECOND), act))

    def show(self, look: Look | None = None) -> None:
        wanted = {name: camera.producer for name, camera in self.cameras.items()}
        self.steering.show(wanted, look, self._sounds, self.now)

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
        if self._sounds and self._due("sound", 20 * MS):
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
            self.steering.adapt(self._sounds, self.now)
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
