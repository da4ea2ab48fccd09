"""A studio for the tests: real media from real encoders, packed as a relay would send it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext

from recordings.rtp import Packet, parse

MTU = 1100


@dataclass(frozen=True)
class Encoded:
    """``at`` is seconds since the start."""

    at: float
    data: bytes
    key: bool


class Camera:
    """Encodes a moving picture as a browser would: key frames only when asked."""

    def __init__(
        self, codec: str = "vp8", width: int = 320, height: int = 180, fps: int = 15, level: int = 120
    ) -> None:
        name = {"vp8": "libvpx", "h264": "libx264"}[codec]
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, fps), Fraction(fps)
        context.bit_rate, context.gop_size = 300_000, 9_000
        context.options = (
            {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1"}
            if codec == "vp8"
            else {
                "preset": "ultrafast",
                "tune": "zerolatency",
                "profile": "baseline",
                "x264-params": "repeat-headers=1",
            }
        )
        self._context, self._fps = context, fps
        noise = np.random.default_rng(7).integers(-12, 13, (height, width))
        self._wall = (level + noise).astype(np.uint8)
        self._count = 0
        self.wanted = True

    def film(self) -> Encoded:
        """The next frame: a bar that moves over a rough wall of brightness ``level``."""
        height, width = self._wall.shape
        luma = self._wall.copy()
        left = self._count * 4 % (width - 20)
        luma[height // 4 : height // 2, left : left + 20] = 235
        picture = np.vstack([luma, np.full((height // 2, width), 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = self._count
        frame.time_base = Fraction(1, self._fps)
        frame.pict_type = av.video.frame.PictureType.I if self.wanted else av.video.frame.PictureType.NONE
        self.wanted = False
        (packet,) = self._context.encode(frame)
        at = self._count / self._fps
        self._count += 1
        return Encoded(at, bytes(packet), packet.is_keyframe)


class Microphone:
    """Encodes a tone in frames of 20 ms."""

    def __init__(self, hertz: float = 440.0) -> None:
        context = av.CodecContext.create("libopus", "w")
        assert isinstance(context, AudioCodecContext)
        context.sample_rate, context.layout, context.format = 48_000, "stereo", "s16"
        context.time_base, context.bit_rate = Fraction(1, 48_000), 32_000
        self._context, self._hertz, self._count = context, hertz, 0

    def speak(self) -> Encoded:
        samples = np.arange(self._count * 960, self._count * 960 + 960)
        tone = (9000 * np.sin(2 * np.pi * self._hertz * samples / 48_000)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(tone, 2)[None, :], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._count * 960, Fraction(1, 48_000)
        at = self._count * 0.02
        self._count += 1
        data = b"".join(bytes(packet) for packet in self._context.encode(frame))
        return Encoded(at, data, True) if data else self.speak()


@cache
def reel(codec: str, level: int = 120, fps: int = 15) -> tuple[tuple[Encoded, Encoded], ...]:
    """Four seconds filmed beforehand, each frame as a difference and as a key frame: costs nothing to play."""
    moving, still = Camera(codec, fps=fps, level=level), Camera(codec, fps=fps, level=level)
    made: list[tuple[Encoded, Encoded]] = []
    moving.film()
    still.film()
    for _ in range(4 * fps):
        still.wanted = True
        made.append((moving.film(), still.film()))
    return tuple(made)


@cache
def tone(hertz: float) -> tuple[Encoded, ...]:
    """One second, spoken beforehand."""
    microphone = Microphone(hertz)
    return tuple(microphone.speak() for _ in range(50))


def payloads(mime_type: str, data: bytes) -> list[bytes]:
    """The RTP payloads of one frame."""
    return {"video/vp8": vp8_payloads, "video/h264": h264_payloads, "audio/opus": lambda d: [d]}[mime_type.lower()](
        data
    )


def vp8_payloads(data: bytes, picture: int = 0x1234) -> list[bytes]:
    """RFC 7741 with a 15-bit picture id."""
    parts = [data[at : at + MTU] for at in range(0, len(data), MTU)]
    heads = [
        bytes((0x90 if index == 0 else 0x80, 0x80)) + struct.pack("!H", 0x8000 | picture) for index in range(len(parts))
    ]
    return [head + part for head, part in zip(heads, parts, strict=True)]


def units(data: bytes) -> list[bytes]:
    """The NAL units of an Annex B frame."""
    return [unit.rstrip(b"\0") for unit in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]


def h264_payloads(data: bytes) -> list[bytes]:
    """RFC 6184: parameter sets in a STAP-A, large units in FU-A, the rest single."""
    made: list[bytes] = []
    sets = [unit for unit in units(data) if unit[0] & 0x1F in (7, 8)]
    if sets:
        made.append(b"\x78" + b"".join(struct.pack("!H", len(unit)) + unit for unit in sets))
    for unit in units(data):
        if unit[0] & 0x1F in (7, 8):
            continue
        if len(unit) <= MTU:
            made.append(unit)
            continue
        parts = [unit[at : at + MTU] for at in range(1, len(unit), MTU)]
        for index, part in enumerate(parts):
            head = (0x80 if index == 0 else 0) | (0x40 if index == len(parts) - 1 else 0) | (unit[0] & 0x1F)
            made.append(bytes(((unit[0] & 0xE0) | 28, head)) + part)
    return made


def rtp(payload: bytes, *, ssrc: int = 7, type: int = 96, seq: int, stamp: int, marker: bool, arrival: int) -> bytes:
    """One packet with the relay's arrival extension."""
    head = struct.pack("!BBHII", 0x90, (0x80 if marker else 0) | type, seq & 0xFFFF, stamp & 0xFFFF_FFFF, ssrc)
    extension = struct.pack("!HH", 0xBEDE, 3) + bytes((0x17,)) + arrival.to_bytes(8, "big") + bytes(3)
    return head + extension + payload


@dataclass(frozen=True)
class Sent:
    """A packet as the relay keeps it: everything but what the consumer's side names. ``at`` is its frame's."""

    seq: int
    timestamp: int
    marker: bool
    arrival: int
    key_start: bool
    payload: bytes
    at: float = 0.0

    def datagram(self, ssrc: int, payload_type: int) -> bytes:
        return rtp(
            self.payload,
            ssrc=ssrc,
            type=payload_type,
            seq=self.seq,
            stamp=self.timestamp,
            marker=self.marker,
            arrival=self.arrival,
        )

    def packet(self) -> Packet:
        return parse(self.datagram(7, 96))


class Stream:
    """Gives the packets of a producer their numbers and times."""

    def __init__(self, mime_type: str, rate: int, seq: int = 65_500, stamp: int = 0xFFFF_0000) -> None:
        self.mime_type, self._rate, self._seq, self._stamp = mime_type, rate, seq, stamp

    def pack(self, frame: Encoded, arrival: int) -> Iterator[Sent]:
        parts = payloads(self.mime_type, frame.data)
        video = self.mime_type.startswith("video")
        for index, part in enumerate(parts):
            stamp = (self._stamp + round(frame.at * self._rate)) & 0xFFFF_FFFF
            marker = video and index == len(parts) - 1
            key_start = video and frame.key and index == 0
            yield Sent(self._seq & 0xFFFF, stamp, marker, arrival, key_start, part, frame.at)
            self._seq += 1
