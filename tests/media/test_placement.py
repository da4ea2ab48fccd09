"""Which relay carries the next endpoint."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.placement import Standing, place

ONE, TWO, THREE = "one", "two", "three"


def test_without_relays_there_is_no_place() -> None:
    assert place([], {}) is None


def test_a_new_meeting_goes_to_the_relay_with_the_least_load() -> None:
    relays = [Standing(ONE, 0, 200), Standing(TWO, 1, 20), Standing(THREE, 2, 90)]
    assert place(relays, {}) == TWO


def test_a_busy_core_counts_as_load_even_with_few_endpoints() -> None:
    assert place([Standing(ONE, 0, 10, cpu=0.8), Standing(TWO, 1, 60, cpu=0.1)], {}) == TWO


def test_idle_noise_of_the_core_does_not_decide() -> None:
    assert place([Standing(ONE, 0, 0, cpu=0.04), Standing(TWO, 1, 1, cpu=0.01)], {}) == ONE


def test_equal_relays_are_taken_by_number() -> None:
    assert place([Standing(TWO, 1), Standing(ONE, 0)], {}) == ONE


def test_a_meeting_stays_together_while_there_is_room() -> None:
    relays = [Standing(ONE, 0, 599), Standing(TWO, 1, 0)]
    assert place(relays, {ONE: 300}) == ONE


def test_a_meeting_that_outgrows_its_relay_spreads_to_the_least_loaded() -> None:
    relays = [Standing(ONE, 0, 600), Standing(TWO, 1, 50), Standing(THREE, 2, 0)]
    assert place(relays, {ONE: 600}) == THREE


def test_a_meeting_that_has_spread_fills_where_most_of_it_is() -> None:
    relays = [Standing(ONE, 0, 600), Standing(TWO, 1, 400), Standing(THREE, 2, 0)]
    assert place(relays, {ONE: 600, TWO: 5, THREE: 0}) == TWO


def test_nobody_is_turned_away_when_all_are_full() -> None:
    assert place([Standing(ONE, 0, 700), Standing(TWO, 1, 650)], {ONE: 700}) == TWO


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(2, 10))
def test_whatever_comes_no_relay_exceeds_its_cap_before_all_are_full(meetings: list[int], cap: int) -> None:
    held = [dict.fromkeys((ONE, TWO, THREE), 0) for _ in range(4)]
    totals = dict.fromkeys((ONE, TWO, THREE), 0)
    for meeting in meetings:
        chosen = place([Standing(id, n, totals[id]) for n, id in enumerate(totals)], held[meeting], cap)
        assert chosen is not None
        assert totals[chosen] < cap or min(totals.values()) >= cap
        totals[chosen] += 1
        held[meeting][chosen] += 1
