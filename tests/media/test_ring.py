"""Packets are kept once per stream, in flat memory, and found by number."""

from __future__ import annotations

import pytest
from relay_packets import read, rtp

from media.ring import STRIDE, Ring
from media.rtp import Packet


def keep(ring: Ring, number: int, payload: bytes = b"x", *, key: bool = False, arrival: int = 0) -> bool:
    _, packet = read(rtp(number, number * 10, payload, marker=number % 2 == 0))
    packet.number, packet.key, packet.arrival, packet.level = number, key, arrival, number % 100
    return ring.keep(packet)


def test_what_is_kept_is_found_as_it_was() -> None:
    ring, found = Ring(8), Packet()
    keep(ring, 12, b"twelve", key=True, arrival=77)
    assert ring.find(12, found)
    assert bytes(found.view[found.start : found.end]) == b"twelve"
    assert (found.number, found.timestamp, found.marker, found.key) == (12, 120, 0x80, True)
    assert (found.arrival, found.level) == (77, 12)


def test_the_oldest_make_room_and_are_not_found_by_the_number_of_the_newest() -> None:
    ring, found = Ring(8), Packet()
    for number in range(20):
        keep(ring, number, str(number).encode())
    assert [number for number in range(-3, 30) if ring.find(number, found)] == list(range(12, 20))


def test_a_packet_that_never_came_is_not_found() -> None:
    ring, found = Ring(8), Packet()
    keep(ring, 1)
    keep(ring, 3)
    assert not ring.find(2, found)


def test_an_empty_and_the_largest_payload_are_kept_and_a_larger_one_is_refused() -> None:
    ring, found = Ring(8), Packet()
    assert keep(ring, 1, b"")
    assert ring.find(1, found)
    assert found.start == found.end
    assert keep(ring, 2, b"a" * STRIDE)
    assert not keep(ring, 3, b"a" * (STRIDE + 1))
    assert ring.find(2, found)
    assert bytes(found.view[found.start : found.end]) == b"a" * STRIDE


def test_a_replay_of_sound_begins_with_the_first_packet_since_then() -> None:
    ring = Ring(16)
    for number in range(10, 20):
        keep(ring, number, arrival=number * 100)
    assert ring.oldest(19, 1500, key=False) == 15
    assert ring.oldest(19, 5000, key=False) == -1


def test_a_replay_of_a_picture_begins_with_the_last_key_frame_since_then() -> None:
    ring = Ring(16)
    for number in range(10, 20):
        keep(ring, number, arrival=number * 100, key=number in (11, 14))
    assert ring.oldest(19, 1000, key=True) == 14
    assert ring.oldest(19, 1450, key=True) == -1


def test_the_capacity_is_a_power_of_two() -> None:
    with pytest.raises(ValueError, match="power of two"):
        Ring(100)
