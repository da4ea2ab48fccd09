"""RTCP of the load client, read back by little parsers of their own."""

from __future__ import annotations

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from bench.load.feedback import PARTS, Feedback, extension_at, transport_numbers
from bench.load.reports import Block, feedback, nack, picture_loss, receiver_report, sender_report


def arrivals(compound: bytes) -> tuple[int, dict[int, int | None]]:
    """Feedback's number, and sequence number → arrival in µs (modulo the 24 bits of the reference), ``None`` lost."""
    flags, kind, words = struct.unpack_from(">BBH", compound)
    assert (flags & 0x1F, kind) == (15, 205)
    assert len(compound) == 4 * words + 4
    end = len(compound) - (compound[-1] if flags & 0x20 else 0)
    first, count, reference = struct.unpack_from(">HHI", compound, 12)
    at, symbols = 20, list[int]()
    while len(symbols) < count:
        (chunk,) = struct.unpack_from(">H", compound, at)
        at += 2
        if chunk & 0x8000:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> 13] * (chunk & 0x1FFF)
    moment, told = (reference >> 8) * 64_000, dict[int, int | None]()
    for place, symbol in enumerate(symbols[:count]):
        if symbol == 1:
            moment += compound[at] * 250
            at += 1
        elif symbol == 2:
            moment += struct.unpack_from(">h", compound, at)[0] * 250
            at += 2
        told[first + place & 0xFFFF] = moment if symbol else None
    assert at == end
    return reference & 0xFF, told


steps = some.integers(min_value=-20_000, max_value=400_000)


@given(first=some.integers(0, 0xFFFF), waits=some.lists(some.none() | steps, max_size=60))
def test_feedback_tells_what_came_when_and_what_was_lost(first: int, waits: list[int | None]) -> None:
    moment, times = 1_000_000_000, list[int | None]([1_000_000_000])
    for wait in waits:
        moment += wait or 0
        times.append(None if wait is None else moment)
    number, told = arrivals(feedback(1, 2, 300, first, times))
    assert number == 300 & 0xFF
    assert told == {
        first + place & 0xFFFF: None if time is None else time // 250 * 250 for place, time in enumerate(times)
    }


def written(*batches: tuple[list[int], list[int], list[int]]) -> list[tuple[int, bytes]]:
    """What ``Feedback`` writes for these (owners, numbers, arrivals), after each batch."""
    out = list[tuple[int, bytes]]()
    made = Feedback(lambda owner, compound: out.append((owner, compound)))
    for owners, numbers, times in batches:
        made.note(np.array(owners), np.array(numbers), np.array(times))
        for part in range(PARTS):
            made.flush(part)
    return out


def test_every_client_tells_of_its_own_packets_in_order() -> None:
    out = dict(written(([4, 7, 4, 7, 4], [11, 500, 10, 501, 12], [64_000_250, 70_000, 64_000_000, 70_500, 64_020_000])))
    assert arrivals(out[4])[1] == {10: 64_000_000, 11: 64_000_250, 12: 64_020_000}
    assert arrivals(out[7])[1] == {500: 70_000, 501: 70_500}


def test_what_is_missing_between_two_feedbacks_is_told_lost() -> None:
    out = written(([1, 1], [0xFFFE, 0xFFFF], [64_000, 64_250]), ([1, 1], [2, 3], [128_000, 128_250]))
    assert [arrivals(compound) for _, compound in out] == [
        (0, {0xFFFE: 64_000, 0xFFFF: 64_250}),
        (1, {0: None, 1: None, 2: 128_000, 3: 128_250}),
    ]


def test_a_long_pause_between_two_packets_needs_a_large_step() -> None:
    ((_, compound),) = written(([1, 1], [5, 6], [64_000, 564_000]))
    assert arrivals(compound)[1] == {5: 64_000, 6: 564_000}


def packet(elements: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    elements += bytes(-len(elements) % 4)
    head = struct.pack(">BBHIIHH", 0x90, 101, 1, 2, 3, 0xBEDE, len(elements) // 4) + elements
    return np.frombuffer((head + bytes(64))[:64], np.uint8)


def test_transport_numbers_are_found_behind_other_extensions() -> None:
    usual, other, none = packet(b"\x11s0\x51\x12\x34"), packet(b"\x51\xab\xcd\x11s0"), packet(b"\x11s0")
    assert extension_at(usual) == 20
    matrix = np.stack([usual, other, none, usual])
    assert transport_numbers(matrix, np.arange(4)).tolist() == [0x1234, 0xABCD, -1, 0x1234]


def test_a_receiver_report_keeps_its_fields_in_their_bounds() -> None:
    compound = receiver_report(1, [Block(5, 300, -1, 1 << 33, 7, 8, 1 << 34)])
    assert len(compound) == 32
    assert compound[:2] == b"\x81\xc9"
    ssrc, lost, highest, jitter, last, since = struct.unpack(">6I", compound[8:])
    assert (ssrc, lost & 0xFF_FFFF, highest, jitter, last, since) == (5, 0xFF_FFFF, 0, 7, 8, 0)


def test_a_sender_report_is_followed_by_its_name() -> None:
    compound = sender_report(9, ntp=1 << 63, stamp=1, packets=2, octets=3, cname=b"load")
    assert struct.unpack_from(">BBHIQIII", compound) == (0x80, 200, 6, 9, 1 << 63, 1, 2, 3)
    assert compound[28:30] == b"\x81\xca"
    assert len(compound) % 4 == 0
    assert b"\x01\x04load\x00" in compound


def test_requests_name_their_stream() -> None:
    assert struct.unpack(">BBHIIHH", nack(1, 77, 0x1_0005)) == (0x81, 205, 3, 1, 77, 5, 0)
    assert struct.unpack(">BBHII", picture_loss(1, 77)) == (0x81, 206, 2, 1, 77)
