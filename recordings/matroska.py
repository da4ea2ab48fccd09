"""The Matroska of one track (RFC 9559): written so that a killed recorder leaves a readable file. Pure bytes.

Segment and clusters have unknown sizes, so whatever has reached the disk is a valid file at every moment; closing adds
an index and the duration in space kept for them. Time stamps are media time in whole milliseconds (ADR 0005).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

EBML, SEGMENT, SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES, VOID = (
    0x1A45DFA3, 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B, 0xEC
)  # fmt: skip
TIMESTAMP, SIMPLE_BLOCK = 0xE7, 0xA3
UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"
CLUSTER_LENGTH = 1_000
"""A cluster begins anew after so many milliseconds."""
SEEK_SPACE = 40
"""Bytes kept at the front for the reference to the index."""

CODECS = {"video/vp8": "V_VP8", "video/h264": "V_MPEG4/ISO/AVC", "audio/opus": "A_OPUS"}


class Layout(NamedTuple):
    """What the file says of its track."""

    mime_type: str
    config: bytes = b""
    size: tuple[int, int] | None = None
    channels: int = 2
    clock_rate: int = 48_000


class Block(NamedTuple):
    """One frame in a file: its time in milliseconds and where its bytes lie."""

    at: int
    key: bool
    offset: int
    length: int


def _size(value: int) -> bytes:
    length = 1
    while value >= (1 << 7 * length) - 1:
        length += 1
    return (value | 1 << 7 * length).to_bytes(length, "big")


def _id(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def element(id: int, body: bytes) -> bytes:
    return _id(id) + _size(len(body)) + body


def _uint(id: int, value: int) -> bytes:
    return element(id, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _text(id: int, value: str) -> bytes:
    return element(id, value.encode())


def _float(id: int, value: float) -> bytes:
    return element(id, struct.pack("!d", value))


class Writer:
    """Makes the bytes of one file; the caller appends them in order and, at the end, writes the ``patches``."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._length = 0
        self._cluster_at: int | None = None
        self._cues: list[tuple[int, int]] = []
        self._last = 0

    def head(self) -> bytes:
        """Everything before the first cluster."""
        ebml = element(
            EBML,
            _uint(0x4286, 1) + _uint(0x42F7, 1) + _uint(0x42F2, 4) + _uint(0x42F3, 8)
            + _text(0x4282, "matroska") + _uint(0x4287, 4) + _uint(0x4285, 2),
        )  # fmt: skip
        self._segment_at = len(ebml) + len(_id(SEGMENT)) + len(UNKNOWN)
        info = element(
            INFO,
            _uint(0x2AD7B1, 1_000_000) + _text(0x4D80, "nghisu") + _text(0x5741, "nghisu") + element(VOID, bytes(9)),
        )
        self._duration_at = self._segment_at + SEEK_SPACE + len(info) - 11
        data = b"".join(
            (ebml, _id(SEGMENT), UNKNOWN, element(VOID, bytes(SEEK_SPACE - 2)), info, element(TRACKS, self._track()))
        )
        self._length = len(data)
        return data

    def _track(self) -> bytes:
        layout = self._layout
        parts = [_uint(0xD7, 1), _uint(0x73C5, 1), _uint(0x9C, 0), _text(0x86, CODECS[layout.mime_type.lower()])]
        if layout.size:
            video = _uint(0xB0, layout.size[0]) + _uint(0xBA, layout.size[1])
            parts += [_uint(0x83, 1), element(0xE0, video)]
        else:
            audio = _float(0xB5, float(layout.clock_rate)) + _uint(0x9F, layout.channels)
            parts += [_uint(0x83, 2), element(0xE1, audio), _uint(0x56AA, 0), _uint(0x56BB, 80_000_000)]
        if layout.config:
            parts.append(element(0x63A2, layout.config))
        return element(0xAE, b"".join(parts))

    def block(self, at: int, key: bool, data: bytes) -> bytes:
        """One frame, at its media time in milliseconds; times never go back."""
        head = b""
        begin = self._cluster_at is None or at - self._cluster_at >= CLUSTER_LENGTH
        if begin or (key and self._layout.size):
            head = _id(CLUSTER) + UNKNOWN + _uint(TIMESTAMP, at)
            if key:
                self._cues.append((at, self._length - self._segment_at))
            self._cluster_at = at
        assert self._cluster_at is not None
        self._last = at
        body = struct.pack("!BhB", 0x81, at - self._cluster_at, 0x80 if key else 0)
        written = head + _id(SIMPLE_BLOCK) + _size(len(body) + len(data)) + body + data
        self._length += len(written)
        return written

    def tail(self) -> bytes:
        """The index, after the last cluster."""
        points = b"".join(
            element(0xBB, _uint(0xB3, at) + element(0xB7, _uint(0xF7, 1) + _uint(0xF1, place)))
            for at, place in self._cues
        )
        return element(CUES, points) if points else b""

    def patches(self, end: int) -> list[tuple[int, bytes]]:
        """Bytes for the space kept at the front, by offset: where the index lies, and the duration."""
        found = [(self._duration_at, _float(0x4489, float(end)))]
        if self._cues:
            place = (self._length - self._segment_at).to_bytes(8, "big")
            seek = element(SEEK_HEAD, element(0x4DBB, element(0x53AB, _id(CUES)) + element(0x53AC, place)))
            rest = SEEK_SPACE - len(seek)
            found.append((self._segment_at, seek + element(VOID, bytes(rest - 2))))
        return found


def opus_head(channels: int, clock_rate: int = 48_000) -> bytes:
    """The identification header of Opus (RFC 7845, section 5.1): no pre-skip, since the stream is cut anywhere."""
    return b"OpusHead" + struct.pack("<BBHIhB", 1, channels, 0, clock_rate, 0, 0)


def blocks(path: Path, last_cluster: bool = False) -> list[Block]:
    """Every whole frame of a file of ours, whether it was closed or not; or only those at the end.

    The journal names a file before it is made: one that is empty or not there holds nothing.
    """
    if not path.exists() or path.stat().st_size == 0:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        mark = _id(CLUSTER) + UNKNOWN
        if not last_cluster:
            start = data.find(mark)
            return list(_walk(data, start)) if start >= 0 else []
        start = len(data)
        while (start := data.rfind(mark, 0, start)) >= 0:
            if found := list(_walk(data, start)):
                return found
        return []


def _walk(data: mmap.mmap, at: int) -> Iterator[Block]:
    """Reads from a cluster on; stops at the first byte that is cut off."""
    cluster = 0
    size = len(data)
    while at < size:
        id_length = _width(data[at])
        id = int.from_bytes(data[at : at + id_length], "big")
        at += id_length
        if at >= size:
            return
        size_length = _width(data[at])
        if at + size_length > size:
            return
        length = int.from_bytes(data[at : at + size_length], "big") & ((1 << 7 * size_length) - 1)
        at += size_length
        if id == CLUSTER:
            continue
        if at + length > size:
            return
        if id == TIMESTAMP:
            cluster = int.from_bytes(data[at : at + length], "big")
        elif id == SIMPLE_BLOCK and length > 4:
            offset = struct.unpack_from("!h", data, at + 1)[0]
            yield Block(cluster + offset, bool(data[at + 3] & 0x80), at + 4, length - 4)
        elif id == CUES:
            return
        at += length


def _width(first: int) -> int:
    """The length of an EBML number by its first byte."""
    return 9 - first.bit_length() if first else 9
