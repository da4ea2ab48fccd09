"""RTP packets are read where they lie; a broken one is refused and never raises."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relay_packets import CC_ID, LEVEL_ID, MID_ID, element, ids, read, rtp

from media.rtp import Packet

WHOLE = rtp(
    7,
    9000,
    b"hello",
    marker=True,
    elements=element(MID_ID, b"ab") + element(LEVEL_ID, b"\x9e") + element(CC_ID, b"\x12\x34"),
)


def test_the_header_its_extensions_and_the_payload_are_found() -> None:
    known, packet = read(WHOLE)
    assert known
    assert (packet.sequence, packet.timestamp, packet.ssrc, packet.payload_type) == (7, 9000, 1234, 96)
    assert packet.marker == 0x80
    assert (packet.mid, packet.level, packet.transport_sequence) == (b"ab", 0x1E, 0x1234)
    assert bytes(packet.view[packet.start : packet.end]) == b"hello"


def test_two_byte_extensions_are_read_too() -> None:
    elements = bytes([MID_ID, 2]) + b"ab" + bytes([0, CC_ID, 2]) + b"\x00\x05"
    elements += bytes(-len(elements) % 4)
    datagram = bytearray(rtp(1, elements=b"x" * len(elements)))
    datagram[12:14] = b"\x10\x00"
    datagram[16 : 16 + len(elements)] = elements
    known, packet = read(bytes(datagram))
    assert known
    assert (packet.mid, packet.transport_sequence) == (b"ab", 5)


def test_padding_is_no_payload() -> None:
    known, packet = read(rtp(1, payload=b"abc", padding=4))
    assert known
    assert bytes(packet.view[packet.start : packet.end]) == b"abc"
    known, packet = read(rtp(1, payload=b"", padding=200))
    assert known
    assert packet.start == packet.end


def test_what_one_packet_bore_is_not_taken_for_the_next() -> None:
    packet = Packet()
    assert packet.read(bytearray(WHOLE), len(WHOLE), ids())
    bare = rtp(8)
    assert packet.read(bytearray(bare), len(bare), ids())
    assert (packet.mid, packet.level, packet.transport_sequence) == (b"", -1, -1)


BROKEN = {
    "cut in the fixed header": WHOLE[:11],
    "of another version": bytes([WHOLE[0] & 0x3F]) + WHOLE[1:],
    "contributors beyond its end": bytes([0x8F]) + rtp(1)[1:],
    "an extension beyond its end": WHOLE[:14] + b"\xff\xff" + WHOLE[16:],
    "an extension header that is cut": bytes([0x90]) + rtp(1, payload=b"ab")[1:],
    "more padding than payload": rtp(1, payload=b"abc")[:-1] + b"\xff",
    "padding of length zero": rtp(1, payload=b"ab\0"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_packet_is_refused(name: str) -> None:
    datagram = bytearray(BROKEN[name])
    if "padding" in name:
        datagram[0] |= 0x20
    assert not read(bytes(datagram))[0]


@settings(max_examples=500)
@given(st.binary(max_size=80), st.integers(0, 255))
def test_no_bytes_make_it_raise_or_point_outside(tail: bytes, flags: int) -> None:
    datagram = bytes([0x80 | flags & 0x3F]) + tail
    known, packet = read(datagram)
    if known:
        assert 12 <= packet.start <= packet.end <= len(datagram)


def test_a_packet_that_is_laid_out_otherwise_than_the_one_before_is_read_anew() -> None:
    known, packet = ids(), Packet()

    def seen(elements: bytes) -> tuple[int, int, bytes]:
        datagram = bytearray(rtp(1, elements=elements))
        assert packet.read(datagram, len(datagram), known)
        return packet.transport_sequence, packet.level, packet.mid

    number, level, mid = element(CC_ID, b"\x12\x34"), element(LEVEL_ID, b"\x85"), element(MID_ID, b"ab")
    assert seen(number + level) == (0x1234, 5, b"")
    assert seen(element(CC_ID, b"\x43\x21") + element(LEVEL_ID, b"\x07")) == (0x4321, 7, b"")
    assert seen(level + number) == (0x1234, 5, b"")
    assert seen(mid + number) == (0x1234, -1, b"ab")
    assert seen(element(MID_ID, b"cd") + number) == (0x1234, -1, b"cd")
    assert seen(element(9, b"xy") + number) == (0x1234, -1, b"")
    assert seen(number + bytes(3)) == (0x1234, -1, b"")
