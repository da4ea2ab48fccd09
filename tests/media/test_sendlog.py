"""Packets are numbered for many receivers at once, and what was sent when is found again."""

from __future__ import annotations

import numpy as np

from media.sendlog import KEPT, TURN, SendLog


def lanes(log: SendLog, count: int) -> np.ndarray:
    return np.array([log.take() for _ in range(count)])


def entry(log: SendLog, lane: int, number: int) -> tuple[int, int]:
    """When a packet was sent, and the octets before it, both modulo 2³²."""
    kept = log.ring[lane * KEPT + number % KEPT]
    return kept & TURN, kept >> 32 & TURN


def test_every_receiver_has_numbers_of_its_own() -> None:
    log = SendLog(4)
    all_of_them = lanes(log, 3)
    assert log.stamp(all_of_them, [100, 200], 1000).tolist() == [[0, 1]] * 3
    assert log.stamp(all_of_them[1:2], [300], 2000).tolist() == [[2]]
    assert log.stamp(all_of_them[::-1], [400, 500, 600], 3000).tolist() == [[2, 3, 4], [3, 4, 5], [2, 3, 4]]
    assert log.stamp(all_of_them, [], 3000).shape == (3, 0)
    assert log.stamp(all_of_them[:0], [1], 3000).shape == (0, 1)


def test_each_packet_is_noted_with_its_time_and_the_octets_before_it() -> None:
    log = SendLog(2)
    both = lanes(log, 2)
    first, second = both.tolist()
    log.stamp(both, [100, 200], 1000)
    assert log.stamp_one(second, 50, 1500) == 2
    log.stamp(both, [300], 2000)
    assert [entry(log, first, number) for number in range(3)] == [(1000, 0), (1000, 100), (2000, 300)]
    assert [entry(log, second, number) for number in range(4)] == [(1000, 0), (1000, 100), (1500, 300), (2000, 350)]


def test_one_by_one_is_the_same_as_all_at_once() -> None:
    log = SendLog(2)
    pair = lanes(log, 2)
    one, other = pair.tolist()
    numbers = log.stamp(pair[:1], [10, 20, 30], 5)[0].tolist()
    assert [log.stamp_one(other, size, 5) for size in (10, 20, 30)] == numbers
    assert [entry(log, one, number) for number in numbers] == [entry(log, other, number) for number in numbers]
    assert log.counts[one] == log.counts[other]


def test_numbers_times_and_octets_wrap() -> None:
    log = SendLog(1)
    only = lanes(log, 1)
    lane, late = int(only[0]), (1 << 32) - 2
    for _ in range(0x10000 - 2):
        log.stamp_one(lane, 70_000, late)
    numbers = log.stamp(only, [70_000] * 4, late).tolist()[0]
    assert numbers == [0xFFFE, 0xFFFF, 0, 1]
    assert log.stamp_one(lane, 70_000, late + 5) == 2
    assert entry(log, lane, 0x10002) == (3, 0x10002 * 70_000 & TURN)
    assert log.waiting(lane, late + 10) == 10


def test_the_log_grows_and_keeps_what_it_had() -> None:
    log = SendLog(1)
    first = log.take()
    log.stamp_one(first, 100, 10)
    more = lanes(log, 20)
    assert len({first, *more.tolist()}) == 21
    log.stamp(more, [40], 20)
    assert log.stamp_one(first, 100, 30) == 1
    assert entry(log, first, 0) == (10, 0)
    assert entry(log, first, 1) == (30, 100)
    assert entry(log, int(more[-1]), 0) == (20, 0)


def test_who_takes_a_lane_after_another_begins_anew() -> None:
    log = SendLog(1)
    lane = log.take()
    log.stamp_one(lane, 100, 10)
    log.deliveries[lane].edge = 1
    log.free(lane)
    assert log.take() == lane
    assert (log.counts[lane], log.deliveries[lane].edge) == (0, 0)
    assert log.stamp_one(lane, 100, 20) == 0


def test_it_is_known_how_long_a_receiver_has_been_silent() -> None:
    log = SendLog(1)
    lane = log.take()
    assert log.waiting(lane, 1_000_000) == 0
    log.stamp_one(lane, 100, 1_000_000)
    log.stamp_one(lane, 100, 1_200_000)
    assert log.waiting(lane, 1_500_000) == 500_000
    log.deliveries[lane].edge = 1
    assert log.waiting(lane, 1_500_000) == 300_000
    log.deliveries[lane].edge = 2
    assert log.waiting(lane, 1_500_000) == 0
    for _ in range(2 * KEPT):
        log.stamp_one(lane, 100, 2_000_000)
    assert log.waiting(lane, 2_000_000) == 0
    assert log.waiting(lane, 2_000_100) == 100


def test_a_lane_costs_eight_kilobytes() -> None:
    log = SendLog(100)
    assert (log.ring.nbytes + log.counts.nbytes) / 100 <= 8_200
