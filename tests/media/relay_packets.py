"""Packets for the tests, written by hand from the RFCs and read back by independent little parsers."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from media.rtp import ExtensionIds, Packet

MID_ID, LEVEL_ID, CC_ID = 4, 12, 3


def ids() -> ExtensionIds:
    made = ExtensionIds()
    made.mid, made.audio_level, made.transport_cc = MID_ID, LEVEL_ID, CC_ID
    return made


def rtp(
    sequence: int,
    timestamp: int = 0,
    payload: bytes = b"payload",
    *,
    ssrc: int = 1234,
    payload_type: int = 96,
    marker: bool = False,
    elements: bytes = b"",
    padding: int = 0,
) -> bytes:
    """An RTP packet with one-byte header extensions (RFC 8285) and padding."""
    flags = 0x80 | (0x10 if elements else 0) | (0x20 if padding else 0)
    head = struct.pack(
        "!BBHII", flags, (0x80 if marker else 0) | payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
    )
    if elements:
        elements += bytes(-len(elements) % 4)
        head += struct.pack("!HH", 0xBEDE, len(elements) // 4) + elements
    tail = bytes(padding - 1) + bytes([padding]) if padding else b""
    return head + payload + tail


def element(id: int, value: bytes) -> bytes:
    return bytes([id << 4 | len(value) - 1]) + value


def vp8(picture: int, tl0: int = 0, *, key: bool = False, begins: bool = True, body: bytes = b"vp8 data") -> bytes:
    """A VP8 payload with a 15-bit PictureID and TL0PICIDX (RFC 7741 section 4.2)."""
    descriptor = bytes(
        [0x80 | (0x10 if begins else 0), 0xE0, 0x80 | picture >> 8 & 0x7F, picture & 0xFF, tl0 & 0xFF, 0]
    )
    return descriptor + (bytes([0 if key else 1]) if begins else b"") + body


def read(datagram: bytes) -> tuple[bool, Packet]:
    """Lets the relay read a packet. Returns what it said and the packet."""
    packet = Packet()
    buffer = bytearray(datagram) + bytearray(64)
    known = packet.read(buffer, len(datagram), ids())
    packet.view = memoryview(buffer)
    return known, packet


@dataclass(frozen=True)
class Seen:
    """A packet as a receiver sees it."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    elements: dict[int, bytes]
    payload: bytes

    @property
    def picture(self) -> int:
        return (self.payload[2] & 0x7F) << 8 | self.payload[3]

    @property
    def tl0(self) -> int:
        return self.payload[4]


def see(datagram: bytes) -> Seen:
    flags, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", datagram)
    assert flags >> 6 == 2
    if flags & 0x20:
        assert 0 < datagram[-1] < len(datagram)
        datagram = datagram[: -datagram[-1]]
    at, elements = 12, dict[int, bytes]()
    if flags & 0x10:
        profile, words = struct.unpack_from("!HH", datagram, at)
        assert profile == 0xBEDE
        at += 4
        end = at + 4 * words
        while at < end:
            if datagram[at] == 0:
                at += 1
                continue
            length = (datagram[at] & 15) + 1
            elements[datagram[at] >> 4] = datagram[at + 1 : at + 1 + length]
            at += 1 + length
        at = end
    return Seen(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, elements, datagram[at:])


def arrivals(feedback: bytes) -> dict[int, int | None]:
    """Transport-wide feedback read by the draft: sequence number → arrival in µs since the reference, ``None`` lost."""
    flags, _, words = struct.unpack_from("!BBH", feedback)
    assert len(feedback) == 4 + 4 * words
    if flags & 0x20:
        feedback = feedback[: -feedback[-1]]
    first, count, reference = struct.unpack_from("!HHI", feedback, 12)
    moment, at, symbols = (reference >> 8) * 64_000, 20, list[int]()
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", feedback, at)
        at += 2
        if not chunk & 0x8000:
            symbols += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        else:
            assert chunk & 0x4000
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
    told: dict[int, int | None] = {}
    for place in range(count):
        match symbols[place]:
            case 0:
                told[(first + place) & 0xFFFF] = None
                continue
            case 1:
                moment += feedback[at] * 250
                at += 1
            case _:
                moment += struct.unpack_from("!h", feedback, at)[0] * 250
                at += 2
        told[(first + place) & 0xFFFF] = moment
    assert at == len(feedback)
    return told
