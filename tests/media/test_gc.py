"""Forwarding leaves nothing behind for the garbage collector, which was once the largest latency (``relay.md``)."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from relay_packets import CC_ID, LEVEL_ID, element, rtp, see, vp8
from relay_stand import (
    AUDIO_SSRC,
    CAMERA,
    MICROPHONE,
    VIDEO_SSRC,
    RawBrowser,
    RawTransport,
    Stand,
    browser,
    standing,
    until,
)

from media import clock
from media import messages as m
from media.ortc import TRANSPORT_CC_ID

RECEIVERS = 20
FORWARDED = 100_000
FLAT = 400
"""Objects by which the count may differ: timers, and what happens to wait in queues."""


class Listener(RawTransport):
    """Opens what comes, reports its arrival and keeps nothing of it."""

    heard = 0

    def _readable(self) -> None:
        while True:
            try:
                datagram = self.socket.recv(2048)
            except OSError:
                return
            if datagram[0] < 4:
                self.answers += 1
            elif datagram[0] < 64:
                self._records.put_nowait(datagram)
            elif not 192 <= datagram[1] <= 223 and (keys := self.dtls._rx_srtp):  # pyright: ignore[reportPrivateUsage]
                seen = see(keys.unprotect(datagram))
                self.heard += 1
                self._arrivals.note(int.from_bytes(seen.elements[TRANSPORT_CC_ID], "big"), clock.now())


class Speaker:
    """Sends rounds of a small frame of four packets and ten packets of sound."""

    def __init__(self, site: RawBrowser) -> None:
        assert site.send is not None
        self.transport, self.round = site.send, 0
        self._video = self._audio = self._number = 0

    def speak(self) -> None:
        self.round += 1
        for place in range(4):
            payload = vp8(self.round, self.round, key=self.round % 50 == 1, begins=place == 0, body=bytes(120 - place))
            stamp, self._video = self.round * 3600, self._video + 1
            marker = place == 3
            self._send(rtp(self._video, stamp, payload, ssrc=VIDEO_SSRC, marker=marker, elements=self._numbered()))
        for _ in range(10):
            self._audio += 1
            elements = element(LEVEL_ID, b"\x14") + self._numbered()
            stamp = self._audio * 960
            self._send(rtp(self._audio, stamp, bytes(60), ssrc=AUDIO_SSRC, payload_type=111, elements=elements))

    def _numbered(self) -> bytes:
        self._number += 1
        return element(CC_ID, (self._number & 0xFFFF).to_bytes(2, "big"))

    def _send(self, packet: bytes) -> None:
        self.transport.send(packet)
        self.transport.sent.clear()


@pytest.fixture
def collector() -> Iterator[None]:
    yield
    gc.enable()


async def forward(stand: Stand, speaker: Speaker, packets: int) -> None:
    """Until so many more packets were forwarded."""
    wanted = stand.port.wire.sent.packets + packets
    for _ in range(packets):
        if stand.port.wire.sent.packets >= wanted:
            return
        speaker.speak()
        await asyncio.sleep(0.002)
    raise AssertionError("the relay does not forward")


async def come_and_go(stand: Stand, name: str) -> None:
    """A browser joins, is shown the stage, and leaves."""
    async with browser(stand, name, CAMERA, transport=Listener):
        await until(lambda: "stage-audio" in stand.shows(name), f"{name} on the stage")
    stand.ask("close_endpoint", m.CloseEndpoint("m", name))
    stand.notices.clear()


def count() -> int:
    gc.collect()
    return len(gc.get_objects())


async def test_a_hundred_thousand_packets_leave_nothing_while_receivers_come_and_go(collector: None) -> None:
    async with standing() as stand, browser(stand, "an", CAMERA, MICROPHONE) as an, AsyncExitStack() as crowd:
        stand.route("an")
        receivers = [
            await crowd.enter_async_context(browser(stand, f"r{place}", transport=Listener))
            for place in range(RECEIVERS)
        ]
        speaker = Speaker(an)
        await forward(stand, speaker, FORWARDED // 5)
        for place in range(3):
            await asyncio.gather(come_and_go(stand, f"early-{place}"), forward(stand, speaker, 1_000))
        before = count()
        gc.disable()
        await forward(stand, speaker, FORWARDED // 2)
        waiting = len(gc.get_objects())
        assert waiting - before < FLAT, "something is kept, or cannot be freed without the collector"
        gc.enable()
        for place in range(12):
            stand.notices.clear()
            await asyncio.gather(come_and_go(stand, f"late-{place}"), forward(stand, speaker, FORWARDED // 2 // 12 + 1))
        await asyncio.sleep(0.2)
        assert count() - before < FLAT
        assert min(listener.receive.heard for listener in receivers if isinstance(listener.receive, Listener)) > 4_000
