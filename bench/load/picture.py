"""What a load client sends: frames cut as Chromium cuts them, filled with a pattern that the receiver can compare.

Pure. The sizes follow from the shape and the frame's number alone, so that a receiver knows what each packet must be.
"""

from __future__ import annotations

import random
import struct
import zlib
from dataclasses import dataclass
from typing import Literal

Shape = Literal["chromium", "single", "equal", "spaced", "ragged"]
SHAPES: tuple[Shape, ...] = ("chromium", "single", "equal", "spaced", "ragged")

FRAMES, SOUNDS = 25, 50
"""Frames and Opus packets a second."""

ABOUT = 1100
"""Bytes of one packet's picture, about."""

SPREAD = 160
"""A frame of four packets is so many bytes larger or smaller, at most: rate control never hits the same size twice."""

KEY_FRAME = 3
"""A key frame is so many times as large."""

LIMIT = 1170
"""Bytes of picture that Chromium puts into one packet at most: 1200 less RTP header, extensions and VP8 descriptor."""

_DELTA_TAG = b"\x11\x02\x00"
"""The first bytes of a VP8 frame (RFC 6386 section 9.1): bit 0 tells key frames, which name their size besides."""

_HEAD = struct.Struct(">QIBBBB")
_PATTERN = random.Random(25).randbytes(8192)


def split_about_equally(length: int, limit: int) -> list[int]:
    """The packets of a frame as Chromium's packetiser cuts them: equally long, the last ones a byte longer."""
    count = -(-length // limit)
    each, longer = divmod(length, count)
    return [each] * (count - longer) + [each + 1] * longer


def sizes(shape: Shape, frame: int, *, key: bool = False, packets: int = 4) -> list[int]:
    """Bytes of picture in each packet of a frame of about ``packets`` packets."""
    chance = zlib.crc32(struct.pack(">I", frame))
    packets *= KEY_FRAME if key else 1
    match shape:
        case "equal":
            return [ABOUT] * packets
        case "ragged":
            return [200 + zlib.crc32(struct.pack(">II", frame, place)) % (LIMIT - 200) for place in range(packets)]
        case "single":
            return split_about_equally(ABOUT - SPREAD // 4 + chance % (SPREAD // 2), LIMIT)
        case "chromium" | "spaced":
            spread = SPREAD * packets // 4
            return split_about_equally(ABOUT * packets - spread + chance % (2 * spread), LIMIT)


def sound_size(number: int) -> int:
    """Bytes of an Opus packet: variable bit rate."""
    return 70 + zlib.crc32(struct.pack(">I", number)) % 24


@dataclass(frozen=True, slots=True)
class Mark:
    """Which packet of which frame a payload is, and when it was made (ns of CLOCK_MONOTONIC)."""

    made_at: int
    frame: int
    place: int
    shape: Shape | None
    """``None`` for sound."""
    packets: int = 4
    key: bool = False


def video_body(mark: Mark, size: int) -> bytes:
    """``size`` bytes of picture: the frame's tag where it begins, the mark, the pattern."""
    tag = b"" if mark.place else _key_tag(mark.packets) if mark.key else _DELTA_TAG
    return tag + _filled(mark, size - len(tag))


def audio_body(mark: Mark) -> bytes:
    """An Opus-like payload: 20 ms of about 32 kbit/s, the table of contents first (RFC 6716 section 3.1)."""
    return b"\x78" + _filled(mark, sound_size(mark.frame) - 1)


def descriptor(picture: int, tl0: int, *, begins: bool, temporal: int = 0) -> bytes:
    """Chromium's VP8 descriptor (RFC 7741 section 4.2): 15-bit picture number, TL0PICIDX, temporal layer.

    The layer-sync bit is set above layer 0: these frames depend on layer 0 alone.
    """
    first, layer = 0x90 if begins else 0x80, temporal << 6 | (0x20 if temporal else 0)
    return struct.pack(">BBHBB", first, 0xE0, 0x8000 | picture & 0x7FFF, tl0 & 0xFF, layer)


def after_descriptor(payload: bytes) -> bytes:
    """The picture behind the descriptor, whose numbers a relay may have rewritten."""
    at = 1
    if payload[0] & 0x80:
        more = payload[1]
        at = 2
        if more & 0x80:
            at += 2 if payload[at] & 0x80 else 1
        at += bool(more & 0x40) + bool(more & 0x30)
    return payload[at:]


def read_video(payload: bytes) -> Mark | None:
    """The mark of a video payload; ``None`` unless every byte behind the descriptor is what was sent."""
    body = after_descriptor(payload)
    for tag in (_DELTA_TAG, *(_key_tag(packets) for packets in (1, 2, 4)), b""):
        if body.startswith(tag) and (mark := _mark(body[len(tag) :])) is not None and mark.shape is not None:
            planned = sizes(mark.shape, mark.frame, key=mark.key, packets=mark.packets)
            if mark.place < len(planned) and video_body(mark, planned[mark.place]) == body:
                return mark
    return None


def read_audio(payload: bytes) -> Mark | None:
    """The mark of a sound; ``None`` unless every byte is what was sent."""
    mark = _mark(payload[1:])
    return mark if mark is not None and mark.shape is None and audio_body(mark) == payload else None


def _key_tag(packets: int) -> bytes:
    """A frame of one, two or four packets is 180, 360 or 720 lines high."""
    return b"\x10\x02\x00\x9d\x01\x2a" + struct.pack("<HH", 320 * packets, 180 * packets)


def _filled(mark: Mark, size: int) -> bytes:
    number = SHAPES.index(mark.shape) if mark.shape is not None else 255
    head = _HEAD.pack(mark.made_at, mark.frame, mark.place, number, mark.packets, mark.key)
    begin = (mark.frame * 31 + mark.place * 7) % 4096
    return head + _PATTERN[begin : begin + size - len(head)]


def _mark(body: bytes) -> Mark | None:
    if len(body) < _HEAD.size:
        return None
    made_at, frame, place, number, packets, key = _HEAD.unpack_from(body)
    if number == 255:
        return Mark(made_at, frame, place, None, packets, bool(key))
    return Mark(made_at, frame, place, SHAPES[int(number)], packets, bool(key)) if number < len(SHAPES) else None
