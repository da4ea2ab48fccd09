"""Transport-wide feedback, read back by a parser written from the draft."""

from __future__ import annotations

import random

from relay_packets import arrivals

from media.congestion import LONGEST, ArrivalLog


def told(log: ArrivalLog) -> dict[int, int | None]:
    feedback = log.feedback()
    assert feedback is not None
    return arrivals(feedback)


def test_each_arrival_is_told_to_a_quarter_millisecond() -> None:
    log, moment, sent = ArrivalLog(), 5_000_000, dict[int, int]()
    dice = random.Random(1)
    for sequence in range(100):
        moment += dice.choice([0, 300, 5_000, 70_000])
        log.note(sequence, moment)
        sent[sequence] = moment
    for sequence, arrival in told(log).items():
        assert arrival is not None
        assert abs(arrival - sent[sequence]) <= 250


def test_what_is_lost_is_told_as_lost_and_nothing_is_told_twice() -> None:
    log = ArrivalLog()
    for sequence in (10, 11, 14):
        log.note(sequence, 1_000_000 + sequence)
    assert [sequence for sequence, arrival in told(log).items() if arrival is None] == [12, 13]
    assert log.feedback() is None
    log.note(15, 1_100_000)
    assert list(told(log)) == [15]


def test_a_packet_that_comes_late_is_told_after_all() -> None:
    log = ArrivalLog()
    log.note(1, 1_000_000)
    log.note(3, 1_001_000)
    assert told(log)[2] is None
    log.note(2, 1_060_000)
    assert told(log)[2] is not None


def test_numbers_wrap() -> None:
    log = ArrivalLog()
    for step in range(40):
        log.note((65_520 + step) & 0xFFFF, 1_000_000 + step * 1000)
    seen = told(log)
    assert list(seen) == [(65_520 + step) & 0xFFFF for step in range(40)]
    assert None not in seen.values()


def test_long_silence_and_long_gaps_are_cut_into_several_feedbacks() -> None:
    log = ArrivalLog()
    log.note(0, 1_000_000)
    log.note(1, 60_000_000)
    assert list(told(log)) == [0]
    assert list(told(log)) == [1]
    for sequence in range(2, 2 + 3 * LONGEST):
        log.note(sequence, 60_000_000 + sequence * 100)
    seen: list[int] = []
    while (feedback := log.feedback()) is not None:
        assert len(feedback) <= 1200
        seen += arrivals(feedback)
    assert seen == list(range(2, 2 + 3 * LONGEST))


def test_a_run_of_losses_and_an_odd_pattern_both_survive() -> None:
    log, dice = ArrivalLog(), random.Random(7)
    here = {0, *(sequence for sequence in range(1, 300) if not 50 < sequence < 120 and dice.random() < 0.6)}
    for sequence in sorted(here):
        log.note(sequence, 1_000_000 + sequence * 700)
    assert {sequence for sequence, arrival in told(log).items() if arrival is not None} == here


def test_before_the_first_packet_there_is_nothing_to_tell() -> None:
    assert ArrivalLog().feedback() is None
