from __future__ import annotations

import random

from recordings.clock import TrackClock

RATE = 90_000
START = 5_000_000_000


def run(
    seconds: float, *, drift: float = 0.0, jitter: int = 0, base: int = 0xFFFF_F000, every: float = 0.04
) -> list[tuple[int, int]]:
    """(true moment, moment by the clock) of frames whose sender's crystal is off by ``drift``."""
    clock, chance = TrackClock(RATE), random.Random(7)
    found: list[tuple[int, int]] = []
    for index in range(round(seconds / every)):
        true = START + round(index * every * 1e6)
        stamp = (base + round(index * every * RATE * (1 + drift))) & 0xFFFF_FFFF
        found.append((true, clock.time(stamp, true + 20_000 + chance.randint(0, jitter))))
    return found


def test_a_steady_stream_keeps_its_own_pace_over_the_wrap_of_its_time_stamps() -> None:
    assert {by_clock - true for true, by_clock in run(10)} <= {19_999, 20_000, 20_001}


def test_jitter_of_the_network_does_not_reach_the_film() -> None:
    late = [by_clock - true for true, by_clock in run(60, jitter=80_000)][50:]
    assert max(late) - min(late) < 12_000


def test_a_drift_of_100_ppm_over_an_hour_is_followed() -> None:
    for drift in (100e-6, -100e-6):
        late = [by_clock - true for true, by_clock in run(3600, drift=drift, jitter=5_000, every=0.2)]
        assert max(late) < 30_000
        assert min(late) > 15_000


def test_first_packets_that_queued_do_not_set_the_clock() -> None:
    clock = TrackClock(RATE)
    clock.time(0, START + 300_000)
    for index in range(1, 20):
        last = clock.time(index * 3_600, START + index * 40_000)
    assert abs(last - (START + 19 * 40_000)) < 1_000


def test_a_stalled_uplink_that_comes_in_one_burst_keeps_its_moments() -> None:
    clock = TrackClock(RATE)
    for index in range(100):
        clock.time(index * 3_600, START + index * 40_000)
    burst = [clock.time(index * 3_600, START + 150 * 40_000) for index in range(100, 150)]
    assert burst == [START + index * 40_000 for index in range(100, 150)]


def test_another_clock_begins_anew_at_its_arrival() -> None:
    clock = TrackClock(RATE)
    for index in range(50):
        clock.time(index * 3_600, START + index * 40_000)
    after = START + 50 * 40_000
    assert clock.time(3_000_000_000, after) == after
    assert clock.time(3_000_003_600, after + 40_000) == after + 40_000


def test_a_sender_whose_time_stood_still_is_taken_up_by_its_arrivals() -> None:
    clock = TrackClock(RATE)
    for index in range(100):
        clock.time(index * 3_600, START + index * 40_000)
    pause = 30_000_000
    for index in range(100, 400):
        arrival = START + pause + index * 40_000
        last = clock.time(index * 3_600, arrival)
    assert abs(last - arrival) < 5_000
