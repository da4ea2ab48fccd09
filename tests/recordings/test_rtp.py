from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from studio import rtp

from recordings.rtp import parse, picture_loss

WHOLE = rtp(b"sound", seq=65_535, stamp=0xFFFF_FFFF, marker=True, arrival=123_456_789_012)


def test_a_packet_says_when_it_came_to_the_relay() -> None:
    packet = parse(WHOLE)
    assert packet == (7, 65_535, 0xFFFF_FFFF, True, 123_456_789_012, b"sound")


def test_padding_is_not_media() -> None:
    padded = bytes((WHOLE[0] | 0x20,)) + WHOLE[1:] + b"\0\0\3"
    assert parse(padded).payload == b"sound"


def test_contributing_sources_and_other_extensions_are_passed_over() -> None:
    extension = bytes((0x20, 0xAA, 0x00, 0x17)) + (99).to_bytes(8, "big")
    head = bytes((0x92,)) + WHOLE[1:12] + bytes(8) + b"\xbe\xde\0\3"
    assert parse(head + extension + b"sound").arrival == 99


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (b"", "not RTP"),
        (WHOLE[:11], "not RTP"),
        (b"\x50" + WHOLE[1:], "not RTP"),
        (b"\x80" + WHOLE[1:], "no arrival time"),
        (WHOLE[:14], "cut off"),
        (WHOLE[:12] + b"\xbe\xde\xff\xff" + WHOLE[16:], "cut off"),
        (WHOLE[:12] + b"\x10\x00" + WHOLE[14:], "no arrival time"),
        (WHOLE[:16] + b"\x16" + WHOLE[17:], "no arrival time"),
        (WHOLE[:16] + b"\xf7" + WHOLE[17:], "no arrival time"),
        (bytes((WHOLE[0] | 0x20,)) + WHOLE[1:] + b"\xff", "padding"),
        (bytes((WHOLE[0] | 0x20,)) + WHOLE[1:] + b"\0", "padding"),
    ],
)
def test_a_broken_packet_is_refused_with_its_reason(broken: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(broken)


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_breaks_nothing(data: bytes) -> None:
    with suppress(ValueError):
        parse(b"\x90" + data)


def test_a_picture_loss_indication_names_the_stream() -> None:
    assert picture_loss(1, 0xCAFE).hex() == "81ce0002" + "00000001" + "0000cafe"
