from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.journal import Pair
from recordings.mediatime import MediaClock

HOUR = 3_600_000_000
START = 1_800_000_000_000_000


def pairs(seconds: int, *, rate: float = 1.0, jump_at: int | None = None, jump: int = 0, start: int = 0) -> list[Pair]:
    """One pair a second. The wall clock runs ``rate`` times as fast and jumps by ``jump`` microseconds."""
    return [
        Pair(
            START + round(second * 1_000_000 * rate) + (jump if jump_at is not None and second > jump_at else 0),
            second * 1_000,
        )
        for second in range(start, seconds)
    ]


def test_between_two_pairs_time_runs_straight() -> None:
    assert MediaClock(pairs(10)).media(START + 4_250_000) == pytest.approx(4_250)


def test_before_the_recording_time_is_negative_and_after_it_goes_on() -> None:
    clock = MediaClock(pairs(10))
    assert clock.media(START - 3_000_000) == pytest.approx(-3_000)
    assert clock.media(START + 12_000_000) == pytest.approx(12_000)


def test_without_pairs_nothing_has_a_place() -> None:
    assert MediaClock([]).media(START) is None


def test_one_pair_is_enough_to_place_what_is_near() -> None:
    assert MediaClock([Pair(START, 7_000)]).media(START + 500_000) == pytest.approx(7_500)


@pytest.mark.parametrize("rate", [1 + 100e-6, 1 - 100e-6])
def test_a_wall_clock_that_drifts_by_100_ppm_for_three_hours_moves_no_chapter(rate: float) -> None:
    clock = MediaClock(pairs(10_800, rate=rate))
    utc = START + round(10_000.5 * 1_000_000 * rate)
    assert clock.media(utc) == pytest.approx(10_000_500, abs=1)


def test_a_recorder_that_was_away_leaves_its_pairs_out_and_time_still_runs_straight() -> None:
    clock = MediaClock([*pairs(10), *pairs(20, start=14)])
    assert clock.media(START + 12_000_000) == pytest.approx(12_000)


@pytest.mark.parametrize("jump", [-HOUR, -90_000_000, 90_000_000, HOUR])
def test_a_jump_of_the_wall_clock_moves_nothing_before_or_after_it(jump: int) -> None:
    clock = MediaClock(pairs(600, jump_at=300, jump=jump))
    assert clock.media(START + 200_000_000) == pytest.approx(200_000)
    assert clock.media(START + 400_000_000 + jump, not_before=301_000) == pytest.approx(400_000)


def test_after_a_jump_back_the_order_of_the_log_tells_two_equal_times_apart() -> None:
    clock = MediaClock(pairs(600, jump_at=300, jump=-200_000_000))
    utc = START + 250_000_000
    assert clock.media(utc) == pytest.approx(250_000)
    assert clock.media(utc, not_before=310_000) == pytest.approx(450_000)


def test_a_moment_within_the_second_of_the_jump_is_placed_within_it() -> None:
    clock = MediaClock(pairs(600, jump_at=300, jump=HOUR))
    assert clock.media(START + 300_400_000) == pytest.approx(300_400)
    assert clock.media(START + 300_600_000 + HOUR, not_before=300_000) == pytest.approx(300_600)


def test_a_time_that_never_was_is_placed_at_the_jump() -> None:
    clock = MediaClock(pairs(600, jump_at=300, jump=HOUR))
    assert clock.media(START + 1_000_000_000) == pytest.approx(300_000)


@given(
    jump=st.integers(-7_200, 7_200).filter(lambda jump: abs(jump) > 1),
    moments=st.lists(st.integers(0, 599_000), min_size=1, max_size=30),
)
def test_events_in_the_order_of_the_log_never_go_back_in_the_film(jump: int, moments: list[int]) -> None:
    clock = MediaClock(pairs(600, jump_at=300, jump=jump * 1_000_000))
    last = 0.0
    for moment in sorted(moments):
        utc = START + moment * 1_000 + (jump * 1_000_000 if moment > 300_500 else 0)
        found = clock.media(utc, last)
        assert found is not None
        last = max(last, found)
    if jump > 0:
        assert last == pytest.approx(max(moments), abs=1_100)
