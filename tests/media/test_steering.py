"""One receiver behind a thin link in virtual time, its steering and its slot as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bottleneck import Link, feedback
from relay_layers import LayeredSender
from relay_packets import see
from test_slot import MS, Receiver

from media import clock
from media.lot import NUMBER_AT
from media.ortc import TRANSPORT_CC_ID
from media.steering import Steering

FRAME, FEEDBACK, LOOK = 40 * MS, 50 * MS, 200 * MS
CAMERA = 400_000
"""Bit/s of a picture of one layer."""


class Behind(Receiver):
    """A receiver whose packets go into a link, numbered."""

    numbered = True

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.lane = world.log.take()

    def send_rtp(self, size: int) -> None:
        number = self.world.log.stamp_one(self.lane, size, self.world.now)
        self.buffer[NUMBER_AT : NUMBER_AT + 2] = number.to_bytes(2, "big")
        self.send_sealed(memoryview(self.buffer)[:size])

    def send_sealed(self, datagram: memoryview) -> None:
        super().send_sealed(datagram)
        number = int.from_bytes(see(bytes(datagram)).elements[TRANSPORT_CC_ID], "big")
        self.world.link.send(number, len(datagram), self.world.now)


class World:
    """A camera, a receiver and the link between; stands where the event loop would for what is to be done later.

    ``room`` is the longest queue in octets; a key frame is ``key`` times as large as another frame.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rate: int, *, room: int = 20_000, key: int = 3) -> None:
        self.now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: self.now)
        monkeypatch.setattr("asyncio.get_running_loop", lambda: self)
        self.link = Link(rate, room=room)
        self.site, self._key = LayeredSender("an"), key
        self.log = self.site.wire.log
        self.receiver = Behind(self)
        self.steering = Steering([self.receiver.slot], self.log, self.receiver.lane, numbered=True, now=self.now)
        self._later: list[tuple[int, Callable[[], None]]] = []
        self._frame_at = self._feedback_at = self._look_at = self.now
        self._here: dict[int, int] = {}
        self._told = self._count = 0

    def call_later(self, seconds: float, act: Callable[[], None]) -> Any:
        self._later.append((self.now + int(seconds * 1_000_000), act))

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        end = self.now + int(seconds * 1_000_000)
        while self.now < end and not until():
            self.now += 5 * MS
            self.link.run(self.now)
            due = [act for at, act in self._later if at <= self.now]
            self._later = [(at, act) for at, act in self._later if at > self.now]
            for act in due:
                act()
            if self.now >= self._frame_at:
                self._frame_at += FRAME
                self._film()
            if self.now >= self._feedback_at:
                self._feedback_at += FEEDBACK
                self._report()
            if self.now >= self._look_at:
                self._look_at += LOOK
                self.site.producer.measure(self.now)
                self.steering.adapt(0, self.now)

    def _film(self) -> None:
        key = self.site.stream.wants_key_frame
        octets = CAMERA // 200 * (self._key if key else 1)
        for datagram in self.site.layered(self.now, 0, key=key, packets=-(-octets // 1_000)):
            self.site.deliver(datagram + bytes(970), self.now, flush=False)
        self.site.wire.flush(self.now)

    def _report(self) -> None:
        self._here |= {number: at for number, at in self.link.arrived if at <= self.now - self.link.delay}
        self.link.arrived = [(number, at) for number, at in self.link.arrived if at > self.now - self.link.delay]
        if not self._here:
            return
        first, last = min(self._told, *self._here), max(self._here)
        body = feedback(first, [self._here.get(number) for number in range(first, last + 1)], count=self._count)
        self._here, self._told, self._count = {}, last + 1, self._count + 1
        self.steering.heed(body, self.now)


def test_a_key_frame_of_a_new_source_is_not_taken_for_a_full_path(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, 900_000, room=100_000, key=18)
    world.run(0.5)
    world.steering.show({"stage-video": world.site.producer}, None, 0, world.now)
    world.run(6)
    drops = world.steering.estimate.drops
    binh = LayeredSender("binh")
    binh.wire = world.site.wire
    for encoding in binh.producer.encodings:
        encoding._wire = binh.wire  # pyright: ignore[reportPrivateUsage]
    world.site = binh
    world.run(0.3)
    world.steering.show({"stage-video": binh.producer}, None, 0, world.now)
    world.run(3)
    assert world.receiver.slot.shown == "binh"
    assert world.steering.estimate.drops == drops
