"""Layers of one picture: one that starts late is shown when it comes, and time goes on evenly across a change."""

from __future__ import annotations

from itertools import pairwise

from relay_packets import rtp, vp8
from relay_stand import browser, standing
from relay_wire import PlainWire
from test_simulcast import SIMULCAST, Camera, layer, run_until, unbroken
from test_slot import MS, Receiver

from media import clock
from media import messages as m
from media.encoding import Encoding
from media.ortc import Sending, Sent
from media.producer import Producer
from media.rtp import ExtensionIds, Packet

FRAME = 40 * MS


async def test_the_best_layer_that_comes_is_shown_until_a_better_one_starts() -> None:
    async with standing() as stand, browser(stand, "an", SIMULCAST) as an, browser(stand, "binh") as binh:
        stand.route("an", tiles=())
        stand.ask("look", m.Look("m", "binh", (), 360, 90))
        camera = Camera(an, padding=300)
        camera.stopped.add("r2")
        await run_until(camera, lambda: layer(stand, "binh", "stage-video") == "r1/3")
        camera.stopped.clear()
        await run_until(camera, lambda: layer(stand, "binh", "stage-video") == "r2/3")
        assert unbroken(binh.got("stage-video"))


class TwoLayers:
    """A site whose layers count time from different beginnings, as browsers do; ``stamps`` are those."""

    def __init__(self, *stamps: int) -> None:
        self.wire, self.clock, self.stamps = PlainWire(), clock.SenderClock(), stamps
        self.producer = Producer(
            endpoint="an",
            source="camera",
            kind="video",
            sending=Sending("VP8", 96, 97, (Sent("r0", 11, None), Sent("r1", 12, None)), "0", {}, 1),
            sender_clock=self.clock,
            watcher=self,
            wire=self.wire,
            ask_key_frame=self._asked,
        )
        self.picture = 0
        self._ids = ExtensionIds()

    def producer_started(self, producer: Producer, *, again: bool) -> None:
        """Nobody else is told."""

    def heard(self, producer: Producer, level: int, now: int) -> None:
        """A camera is not heard."""

    def _asked(self, encoding: Encoding) -> None:
        """Key frames come by the script."""

    def report(self, now: int) -> None:
        ntp = ((now + 10**12) << 32) // 1_000_000
        for encoding, begun in zip(self.producer.encodings, self.stamps, strict=True):
            encoding.stream.heed_report(ntp, begun + now * 9 // 100 & 0xFFFF_FFFF, now + 30 * MS, self.clock)

    def show(self, now: int, *delays: int, key: bool = False) -> None:
        """One frame of every layer, captured at ``now``; the layers come with these delays."""
        self.picture += 1
        for encoding, begun, delay in zip(self.producer.encodings, self.stamps, delays, strict=True):
            stamp = begun + now * 9 // 100
            datagram = bytearray(rtp(self.picture, stamp, vp8(self.picture, self.picture, key=key), marker=True))
            packet = Packet()
            assert packet.read(datagram, len(datagram), self._ids)
            packet.view, packet.arrival = memoryview(datagram), now + delay
            packet.number = encoding.stream.accept(packet.sequence, packet.timestamp, packet.arrival)
            encoding.received(packet)
        self.wire.flush(now)


def test_a_change_of_layer_maps_the_time_through_the_reports_of_both_and_not_through_their_arrival() -> None:
    now = clock.now() - 60_000 * MS
    an, receiver = TwoLayers(0xFFFF_F000, 5), Receiver()
    an.report(now)
    receiver.slot.want(an.producer)
    small, large = an.producer.encodings
    for place in range(40):
        if place % 10 == 0:
            receiver.slot.aim_at((small, large)[place // 10 % 2])
        an.show(now, 30 * MS, 30 * MS + place * MS, key=place % 10 in (0, 5))
        now += FRAME
    assert receiver.slot.switches == 4
    steps = [(later.timestamp - earlier.timestamp) & 0xFFFF_FFFF for earlier, later in pairwise(receiver.media)]
    assert len(receiver.media) >= 35
    assert all(step % 3600 in (0, 1, 2, 3598, 3599) and step > 0 for step in steps)
    spent = (receiver.media[-1].timestamp - receiver.media[0].timestamp) & 0xFFFF_FFFF
    assert abs(spent - 39 * 3600) <= 4
