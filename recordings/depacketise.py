"""Frames out of RTP packets: VP8 (RFC 7741), H.264 (RFC 6184), Opus (RFC 7587). Pure.

What cannot be decoded is not kept: video begins at a key frame and, after a loss, waits for the next one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple, Protocol

from recordings.h264 import DELIMITER, FILLER, IDR, PPS, SLICE, SPS, configuration, picture_size
from recordings.rtp import Packet

MOST_BYTES = 8 * 1024 * 1024
"""A frame that grows beyond this is no frame."""

MOST_FRAGMENTS = 8192


class Frame(NamedTuple):
    """One frame as a file keeps it. ``arrival`` is that of its first packet, in microseconds.

    ``size`` and ``config`` are known at key frames; ``duration`` is microseconds, 0 where the stream does not say.
    """

    data: bytes
    timestamp: int
    arrival: int
    key: bool
    size: tuple[int, int] | None = None
    config: bytes = b""
    duration: int = 0


class Depacketiser(Protocol):
    @property
    def undecodable(self) -> bool:
        """Whether media went by that cannot be kept, and none can before the next key frame."""
        ...

    def push(self, packet: Packet) -> Frame | None: ...

    def lost(self) -> None:
        """Packets before the next are missing."""
        ...


def depacketiser(mime_type: str) -> Depacketiser:
    """Raises ``ValueError`` for a codec that is not kept."""
    makers = {"audio/opus": Opus, "video/vp8": Vp8, "video/h264": H264}
    try:
        return makers[mime_type.lower()]()
    except KeyError:
        raise ValueError(f"no depacketiser for {mime_type}") from None


class Opus:
    """One packet is one frame."""

    undecodable = False

    def push(self, packet: Packet) -> Frame | None:
        length = opus_duration(packet.payload)
        if length is None:
            return None
        return Frame(packet.payload, packet.timestamp, packet.arrival, key=True, duration=length)

    def lost(self) -> None:
        """Each frame stands alone."""


def opus_duration(payload: bytes) -> int | None:
    """Microseconds of sound in an Opus packet by its first bytes (RFC 6716, section 3.1), ``None`` if it has none."""
    if not payload:
        return None
    config, code = payload[0] >> 3, payload[0] & 3
    if config < 12:
        frame = (10_000, 20_000, 40_000, 60_000)[config & 3]
    elif config < 16:
        frame = (10_000, 20_000)[config & 1]
    else:
        frame = (2_500, 5_000, 10_000, 20_000)[config & 3]
    if code == 3 and len(payload) < 2:
        return None
    count = (1, 2, 2, payload[1] & 0x3F if code == 3 else 0)[code]
    return frame * count if 0 < frame * count <= 120_000 else None


class _Video:
    """Gathers the parts of a frame; ``_broken`` until the next key frame."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._bytes = 0
        self._stamp = self._arrival = 0
        self._torn = True
        self._broken = True
        self.undecodable = False

    def lost(self) -> None:
        self._drop()
        self._broken = self.undecodable = True

    def _drop(self) -> None:
        self._parts, self._bytes, self._torn = [], 0, True

    def _begin(self, packet: Packet) -> None:
        self._parts, self._bytes, self._torn = [], 0, False
        self._stamp, self._arrival = packet.timestamp, packet.arrival

    def _add(self, part: bytes) -> None:
        self._parts.append(part)
        self._bytes += len(part)
        if self._bytes > MOST_BYTES:
            self.lost()

    def _judge(self, frame: Frame, whole: bool) -> Frame | None:
        """The frame if it can be decoded: a ``whole`` key frame, or one that follows it without loss."""
        if frame.key:
            self._broken = not whole
        self.undecodable = self._broken
        return None if self._broken else frame


class Vp8(_Video):
    """RFC 7741, section 4.2: the payload descriptor before each part of a frame."""

    def push(self, packet: Packet) -> Frame | None:
        at = _vp8_descriptor(packet.payload)
        if at is None:
            self.lost()
            return None
        if packet.payload[0] & 0x17 == 0x10:
            if self._parts:
                self.lost()
            self._begin(packet)
        elif self._torn or packet.timestamp != self._stamp:
            self.lost()
            return None
        self._add(packet.payload[at:])
        if not packet.marker or self._torn:
            return None
        data = b"".join(self._parts)
        self._drop()
        key = data[0] & 1 == 0
        size = _vp8_size(data) if key else None
        return self._judge(Frame(data, self._stamp, self._arrival, key, size), whole=bool(size))


def _vp8_descriptor(payload: bytes) -> int | None:
    """Where the VP8 data begins, ``None`` when there is none."""
    if not payload:
        return None
    at = 1
    if payload[0] & 0x80:
        if len(payload) < 2:
            return None
        fields = payload[1]
        at = 2
        if fields & 0x80:
            if len(payload) <= at:
                return None
            at += 2 if payload[at] & 0x80 else 1
        at += (1 if fields & 0x40 else 0) + (1 if fields & 0x30 else 0)
    return at if at < len(payload) else None


def _vp8_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from a key frame's header (RFC 6386, section 9.1)."""
    if len(data) < 10 or data[3:6] != b"\x9d\x01\x2a":
        return None
    width, height = int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
    return (width, height) if width and height else None


class H264(_Video):
    """RFC 6184: single units, STAP-A (5.7.1) and FU-A (5.8), as packetization modes 0 and 1 use them."""

    def __init__(self) -> None:
        super().__init__()
        self._fragment: list[bytes] = []
        self._key = self._pictured = False
        self._sps = self._pps = b""

    def _drop(self) -> None:
        super()._drop()
        self._fragment, self._key, self._pictured = [], False, False

    def _begin(self, packet: Packet) -> None:
        super()._begin(packet)
        self._fragment, self._key, self._pictured = [], False, False

    def push(self, packet: Packet) -> Frame | None:
        if self._torn or packet.timestamp != self._stamp:
            if self._parts or self._fragment:
                self.lost()
            self._begin(packet)
        try:
            for unit in self._units(packet.payload):
                self._take(unit)
        except (ValueError, IndexError):
            self.lost()
            return None
        if not packet.marker or self._torn:
            return None
        if self._fragment:
            self.lost()
            return None
        return self._finish()

    def _units(self, payload: bytes) -> list[bytes]:
        """The NAL units that this packet completes. Raises ``ValueError`` when it is malformed."""
        kind = payload[0] & 0x1F
        if 1 <= kind <= 23:
            return [payload]
        if kind == 24:
            units: list[bytes] = []
            at = 1
            while at < len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                unit = payload[at + 2 : at + 2 + size]
                if size == 0 or len(unit) < size:
                    raise ValueError("aggregate cut off")
                units.append(unit)
                at += 2 + size
            return units
        if kind != 28 or len(payload) < 3:
            raise ValueError("a kind of packet that is not used")
        return self._fragment_unit(payload)

    def _fragment_unit(self, payload: bytes) -> list[bytes]:
        head = payload[1]
        if head & 0x80:
            self._fragment = [bytes(((payload[0] & 0xE0) | (head & 0x1F),))]
        elif not self._fragment:
            raise ValueError("fragment without a beginning")
        self._fragment.append(payload[2:])
        if not head & 0x40:
            if len(self._fragment) > MOST_FRAGMENTS:
                raise ValueError("fragment without an end")
            return []
        unit = b"".join(self._fragment)
        self._fragment = []
        return [unit]

    def _take(self, unit: bytes) -> None:
        kind = unit[0] & 0x1F
        if kind == SPS:
            self._sps = unit
        elif kind == PPS:
            self._pps = unit
        elif kind not in (DELIMITER, FILLER):
            if kind in (SLICE, IDR) and not self._pictured and not unit[1] & 0x80:
                raise ValueError("the first slice is missing")  # first_mb_in_slice is not 0 (ITU-T H.264, 7.3.3)
            self._pictured = self._pictured or kind in (SLICE, IDR)
            self._key = self._key or kind == IDR
            self._add(len(unit).to_bytes(4, "big") + unit)

    def _finish(self) -> Frame | None:
        data, key = b"".join(self._parts), self._key
        self._drop()
        if not data:
            return None
        size = None
        if key and self._pps:
            with suppress(ValueError):
                size = picture_size(self._sps)
        config = configuration(self._sps, self._pps) if size else b""
        return self._judge(Frame(data, self._stamp, self._arrival, key, size, config), whole=bool(size))
