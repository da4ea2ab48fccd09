"""Where a decoder may begin, and where VP8 keeps its picture numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relay_packets import read, rtp, vp8

from media import h264
from media import vp8 as codec
from media.rtp import Packet


def described(payload: bytes, *, how: str = "vp8") -> Packet:
    known, packet = read(rtp(1, payload=payload))
    assert known
    (codec.describe if how == "vp8" else h264.describe)(packet)
    return packet


def test_a_vp8_key_frame_is_known_by_its_first_packet() -> None:
    assert described(vp8(5, key=True)).key
    assert not described(vp8(5, key=False)).key
    assert not described(vp8(5, key=True, begins=False)).key


def test_the_picture_numbers_are_found_and_moved() -> None:
    packet = described(vp8(0x7FFE, 254))
    assert (packet.picture, packet.tl0) == (0x7FFE, 254)
    out = bytearray(b"head") + packet.view[packet.start : packet.end]
    codec.renumber(out, 4, packet, 3, 4)
    moved = described(bytes(out[4:]))
    assert (moved.picture, moved.tl0) == (1, 2)
    assert bytes(out[9:]).endswith(b"vp8 data")


def test_a_seven_bit_picture_number_stays_one() -> None:
    packet = described(bytes([0x90, 0x80, 0x7E, 0x01]) + b"data")
    assert (packet.picture, packet.tl0_at) == (0x7E, -1)
    out = bytearray(packet.view[packet.start : packet.end])
    codec.renumber(out, 0, packet, 5, 0)
    assert out[2] == 3


@pytest.mark.parametrize("size", range(7))
def test_a_descriptor_cut_short_is_no_key_frame_and_has_no_numbers_beyond_its_end(size: int) -> None:
    packet = described(vp8(5, key=True)[:size])
    assert not packet.key
    assert packet.picture_at < size
    assert packet.tl0_at < size


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (b"\x67\x42\xe0\x1f", True),
        (b"\x68\xce", False),
        (b"\x65\x88", False),
        (b"\x41\x9a", False),
        (b"\x78\x00\x02\x67\x42\x00\x02\x68\xce", True),
        (b"\x78\x00\x02\x09\x10\x00\x02\x67\x42", True),
        (b"\x78\x00\x02\x68\xce", False),
        (b"\x78\xff\xff\x68", False),
        (b"\x78\x00", False),
        (b"\x7c\x85\x88", False),
        (b"", False),
    ],
    ids=[
        "parameter set",
        "picture parameters alone",
        "intra slice without parameters",
        "slice",
        "aggregate that begins with a parameter set",
        "aggregate with a delimiter before it",
        "aggregate without one",
        "aggregate longer than the packet",
        "aggregate cut short",
        "fragment of an intra slice",
        "nothing",
    ],
)
def test_an_h264_decoder_begins_at_a_parameter_set(payload: bytes, key: bool) -> None:
    assert described(payload, how="h264").key is key


@settings(max_examples=500)
@given(st.binary(max_size=40), st.sampled_from(["vp8", "h264"]))
def test_no_payload_makes_the_readers_raise(payload: bytes, how: str) -> None:
    packet = described(payload, how=how)
    assert max(packet.picture_at, packet.tl0_at) < max(1, len(payload))
