"""RTCP: whole packets are understood, broken siblings end the walk and keep what came before."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import rtcp

REPORT = rtcp.full_report(7, ntp=0x1122334455667788, stamp=90_000, packets=3, octets=400, cname=b"a.stage")
LOSS = rtcp.picture_loss(99)


def test_a_compound_is_walked_packet_by_packet() -> None:
    kinds = [(kind, count) for kind, count, _ in rtcp.walk(REPORT + LOSS + rtcp.nack(5, [1]))]
    assert kinds == [(200, 0), (202, 1), (206, 1), (205, 1)]


@pytest.mark.parametrize(
    "tail",
    [LOSS[:-1], b"\x41" + LOSS[1:], LOSS[:2] + b"\xff\xff" + LOSS[4:], b"\x80"],
    ids=["cut", "of another version", "longer than the datagram", "one byte"],
)
def test_a_broken_packet_ends_the_walk_but_not_what_came_before(tail: bytes) -> None:
    assert [kind for kind, _, _ in rtcp.walk(REPORT + tail)] == [200, 202]


def test_a_sender_report_tells_both_clocks() -> None:
    _, _, body = next(rtcp.walk(REPORT))
    assert rtcp.sender_report(body) == (7, 0x1122334455667788, 90_000)
    assert rtcp.sender_report(body[:-8]) is None


@pytest.mark.parametrize(
    "numbers",
    [[5], [5, 6, 7], [5, 21], [5, 22], [65_534, 65_535, 0, 1], list(range(100, 400)), [1, 500, 501, 9000]],
)
def test_what_a_nack_asks_is_read_back(numbers: list[int]) -> None:
    ((kind, count, body),) = rtcp.walk(rtcp.nack(77, numbers))
    assert (kind, count, rtcp.media_ssrc(body)) == (205, 1, 77)
    assert rtcp.asked(body) == numbers


def test_feedback_that_is_too_short_asks_for_nothing() -> None:
    assert rtcp.media_ssrc(b"\0\0\0\1") is None
    assert rtcp.asked(b"\0" * 10) == []
    assert rtcp.intra_requests(b"\0" * 12) == []


def test_a_full_intra_request_names_its_streams() -> None:
    body = struct.pack("!II", 1, 0) + struct.pack("!IB3x", 41, 1) + struct.pack("!IB3x", 42, 1)
    assert rtcp.intra_requests(body) == [41, 42]


def test_a_report_block_has_the_form_of_the_rfc() -> None:
    block = rtcp.ReportBlock(ssrc=9, fraction=64, lost=300, highest=70_000, jitter=12, last_report=5, delay=6)
    ((kind, count, body),) = rtcp.walk(rtcp.receiver_report([block]))
    assert (kind, count) == (201, 1)
    assert struct.unpack("!IIIIIII", body) == (rtcp.OURS, 9, 64 << 24 | 300, 70_000, 12, 5, 6)


@settings(max_examples=500)
@given(st.binary(max_size=120))
def test_no_bytes_make_the_readers_raise(compound: bytes) -> None:
    for _, _, body in rtcp.walk(compound):
        rtcp.media_ssrc(body)
        rtcp.asked(body)
        rtcp.intra_requests(body)
        rtcp.sender_report(body)
