"""A site that sends like Chromium: camera (one layer, or three by rid) and microphone, key frames, repetitions."""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.load import picture
from bench.load.line import Ear
from bench.load.offer import (
    KEPT,
    LAYERS,
    LEVEL,
    MID,
    OPUS,
    REPAIRED_RID,
    RID,
    TRANSPORT_CC,
    VP8,
    VP8_REPAIR,
    Layer,
    new_ssrc,
    producers,
)
from bench.load.picture import FRAMES, SOUNDS, Mark, Shape
from bench.load.reports import sender_report
from bench.load.wire import Burst

_TEMPORAL = (0, 2, 1, 2)
_burst = Burst(16)


class Sender:
    """``level`` is the loudness in −dBov; ``layers`` 1 or 3. Nothing is sent before ``start``."""

    def __init__(self, line: Ear, *, layers: int = 1, level: int = 30) -> None:
        self.line, self.level = line, level
        self.layers = [Layer("", 4)] if layers == 1 else [Layer(rid, packets) for rid, packets in LAYERS[:layers]]
        self.shape: Shape = "chromium"
        self.frames_a_second = float(FRAMES)
        self.sounds = self.sound_octets = 0
        self.key_frames = self.repeated = self.unsent = 0
        self._audio_ssrc, self._audio_sequence = new_ssrc(), secrets.randbelow(0x4000)
        self._number = 0
        self._running = False
        self._began = time.monotonic_ns()
        self._handles: dict[str, asyncio.TimerHandle] = {}
        self._loop = asyncio.get_running_loop()
        line.on_rtcp = self._heard

    @property
    def sent(self) -> dict[str, int]:
        """Packets sent so far, without repetitions."""
        return {"video": sum(layer.sent for layer in self.layers), "audio": self.sounds}

    def producers(self) -> list[dict[str, Any]]:
        """As mediasoup-client offers them."""
        return producers(self._audio_ssrc, self.layers)

    @property
    def _simulcast(self) -> bool:
        return len(self.layers) > 1

    # -- The clockwork

    def start(self, shape: Shape, frames_a_second: float = FRAMES) -> None:
        self.shape, self.frames_a_second = shape, frames_a_second
        if self._running:
            return
        self._running = True
        now = self._loop.time()
        phase = secrets.randbelow(1000) / 1000 / FRAMES if self._simulcast else 0.0
        self._at("video", now + phase)
        self._at("audio", now + phase + 0.007)
        self._at("report", now + 0.1)

    def stop(self) -> None:
        self._running = False
        for handle in self._handles.values():
            handle.cancel()

    def _at(self, what: str, when: float) -> None:
        work = {"video": self._video, "audio": self._audio, "report": self._report}[what]
        self._handles[what] = self._loop.call_at(when, work, when)

    def _next(self, what: str, due: float, pause: float) -> None:
        """The beat goes on evenly; a sender that was held up for long does not catch up."""
        late = self._loop.time() - due > 0.2
        self._at(what, (self._loop.time() if late else due) + pause)

    def _video(self, due: float) -> None:
        for layer in self.layers:
            self._frame(layer)
        self._next("video", due, 1 / self.frames_a_second)

    def _audio(self, due: float) -> None:
        mark = Mark(time.monotonic_ns(), self.sounds, 0, None)
        payload = picture.audio_body(mark)
        stamp = self.sounds * 960
        head = self._head(OPUS, self._audio_sequence, stamp, self._audio_ssrc, "0", level=self.level)
        self._send([head + payload])
        self._audio_sequence = self._audio_sequence + 1 & 0xFFFF
        self.sounds += 1
        self.sound_octets += len(payload)
        self._next("audio", due, 1 / SOUNDS)

    def _report(self, due: float) -> None:
        ntp = int((time.time() + 2_208_988_800) * (1 << 32))
        for layer in self.layers:
            if layer.sent:
                self.line.send_rtcp(
                    sender_report(
                        layer.ssrc,
                        ntp=ntp,
                        stamp=self._stamp(),
                        packets=layer.sent,
                        octets=layer.octets,
                        cname=b"load",
                    )
                )
        if self.sounds:
            self.line.send_rtcp(
                sender_report(
                    self._audio_ssrc,
                    ntp=ntp,
                    stamp=self.sounds * 960,
                    packets=self.sounds,
                    octets=self.sound_octets,
                    cname=b"load",
                )
            )
        self._next("report", due, 1.0)

    # -- Packets

    def _frame(self, layer: Layer) -> None:
        key, layer.wants_key = layer.wants_key, False
        self.key_frames += key
        layer.stamp = self._stamp()
        temporal = 0 if key or not self._simulcast else _TEMPORAL[layer.frame % 4]
        layer.tl0 += temporal == 0
        planned = picture.sizes(self.shape, layer.frame, key=key, packets=layer.packets)
        packets = self._packets(layer, layer.frame, planned, key=key, temporal=temporal)
        layer.frame += 1
        if self.shape == "spaced":
            for place in range(len(planned)):
                self._loop.call_later(place / len(planned) / self.frames_a_second, self._send_next, packets)
        else:
            self._send(list(packets))

    def _send_next(self, packets: Iterator[bytes]) -> None:
        if self._running:
            self._send([next(packets)])

    def _packets(self, layer: Layer, frame: int, planned: list[int], *, key: bool, temporal: int) -> Iterator[bytes]:
        """Made one by one, each at the moment when it is sent."""
        for place, size in enumerate(planned):
            mark = Mark(time.monotonic_ns(), frame, place, self.shape, layer.packets, key)
            payload = picture.descriptor(frame, layer.tl0, begins=place == 0, temporal=temporal)
            payload += picture.video_body(mark, size)
            last = 0x80 if place == len(planned) - 1 else 0
            layer.kept[layer.sequence % KEPT] = layer.sequence, last, layer.stamp, payload
            yield self._head(last | VP8, layer.sequence, layer.stamp, layer.ssrc, "1", rid=layer.rid) + payload
            layer.sequence = layer.sequence + 1 & 0xFFFF
            layer.sent += 1
            layer.octets += len(payload)

    def _stamp(self) -> int:
        return (time.monotonic_ns() - self._began) * 9 // 100_000 & 0xFFFF_FFFF

    def _head(
        self,
        kind: int,
        sequence: int,
        stamp: int,
        ssrc: int,
        mid: str,
        *,
        rid: str = "",
        repaired: bool = False,
        level: int = -1,
    ) -> bytes:
        self._number = self._number + 1 & 0xFFFF
        elements = _element(MID, mid.encode()) + _element(TRANSPORT_CC, struct.pack(">H", self._number))
        if level >= 0:
            elements += _element(LEVEL, bytes([0x80 | level]))
        if rid:
            elements += _element(REPAIRED_RID if repaired else RID, rid.encode())
        elements += bytes(-len(elements) % 4)
        head = struct.pack(">BBHIIHH", 0x90, kind, sequence, stamp & 0xFFFF_FFFF, ssrc, 0xBEDE, len(elements) // 4)
        return head + elements

    def _send(self, packets: list[bytes]) -> None:
        """Back to back, with one call."""
        outward = self.line.outward
        if outward is None or not self._running:
            return
        matrix = _burst.matrix
        for row, packet in enumerate(packets):
            matrix.views[row][: len(packet)] = np.frombuffer(packet, np.uint8)
            matrix.sizes[row] = outward.seal(matrix.packets[row], len(packet))
        self.unsent += len(packets) - _burst.send(self.line.descriptor, len(packets))

    # -- What the relay asks

    def _heard(self, compound: bytes, _now: int) -> None:
        at = 0
        while at + 12 <= len(compound):
            form, kind = compound[at] & 31, compound[at + 1]
            end = at + 4 + 4 * int.from_bytes(compound[at + 2 : at + 4], "big")
            media = int.from_bytes(compound[at + 8 : at + 12], "big")
            for layer in self.layers:
                if layer.ssrc == media and (kind, form) == (206, 1):
                    layer.wants_key = True
                elif layer.ssrc == media and (kind, form) == (205, 1):
                    self._repeat(layer, compound[at + 12 : end])
            at = end

    def _repeat(self, layer: Layer, entries: bytes) -> None:
        for first, more in struct.iter_unpack(">HH", entries[: len(entries) // 4 * 4]):
            for sequence in [first, *[first + bit + 1 & 0xFFFF for bit in range(16) if more >> bit & 1]]:
                kept = layer.kept[sequence % KEPT]
                if kept is None or kept[0] != sequence:
                    continue
                _, last, stamp, payload = kept
                head = self._head(
                    last | VP8_REPAIR,
                    layer.repair_sequence,
                    stamp,
                    layer.repair_ssrc,
                    "1",
                    rid=layer.rid,
                    repaired=True,
                )
                layer.repair_sequence = layer.repair_sequence + 1 & 0xFFFF
                self._send([head + struct.pack(">H", sequence) + payload])
                self.repeated += 1


class PlainSender(Sender):
    """The same in the clear, sound and picture to a port each: what feeds a Janus mountpoint."""

    def __init__(self, audio: int, video: int) -> None:
        self._ears = Ear(("127.0.0.1", audio)), Ear(("127.0.0.1", video))
        super().__init__(self._ears[1])

    def _send(self, packets: list[bytes]) -> None:
        if not self._running:
            return
        matrix = _burst.matrix
        for row, packet in enumerate(packets):
            matrix.views[row][: len(packet)] = np.frombuffer(packet, np.uint8)
            matrix.sizes[row] = len(packet)
        ear = self._ears[0 if packets[0][1] & 0x7F == OPUS else 1]
        self.unsent += len(packets) - _burst.send(ear.descriptor, len(packets))


def _element(id: int, value: bytes) -> bytes:
    return bytes([id << 4 | len(value) - 1]) + value
