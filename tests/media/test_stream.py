"""Loss patterns of one incoming stream. Times are microseconds; a packet comes every 10 ms."""

from __future__ import annotations

from itertools import pairwise

from media.clock import SenderClock
from media.stream import KEY_FRAME_PAUSE, OUTAGE, TRIES, Stream

MS = 1000


def video() -> Stream:
    return Stream(1, 90_000, repairs=True)


def feed(stream: Stream, *sequences: int, at: int = 0) -> list[int]:
    """Lets packets come. Returns the distance of each number from the first; -1 for those that are not new."""
    numbers = [
        stream.accept(sequence & 0xFFFF, sequence * 900, at + place * 10 * MS)
        for place, sequence in enumerate(sequences)
    ]
    return [number if number < 0 else number - 0x10000 - (sequences[0] & 0xFFFF) for number in numbers]


def asked(stream: Stream) -> list[int]:
    asks, stream.asks = stream.asks, []
    return asks


def test_packets_in_order_are_numbered_in_order_across_the_wrap() -> None:
    assert feed(video(), *range(65_530, 65_546)) == list(range(16))


def test_a_gap_is_asked_for_at_once_and_a_repair_fills_it() -> None:
    stream = video()
    feed(stream, 100, 103)
    assert asked(stream) == [101, 102]
    assert stream.accept_repair(102, 30 * MS) == 0x10000 + 102
    assert list(stream.missing) == [0x10000 + 101]


def test_a_gap_across_the_wrap_asks_for_sixteen_bit_numbers() -> None:
    stream = video()
    feed(stream, 65_534, 1)
    assert asked(stream) == [65_535, 0]
    assert stream.accept_repair(0, 30 * MS) == 0x10000 + 65_536


def test_a_late_packet_is_taken_once_and_needs_no_repair() -> None:
    stream = video()
    assert feed(stream, 1, 3, 2, 4) == [0, 2, 1, 3]
    assert not stream.missing
    assert feed(stream, 2) == [-1]
    assert stream.accept_repair(2, 50 * MS) == -1


def test_repairs_of_what_is_not_missing_are_the_senders_probes() -> None:
    stream = video()
    assert stream.accept_repair(5, 0) == -1
    feed(stream, 1, 2, 3)
    assert stream.accept_repair(2, 40 * MS) == -1
    assert stream.accept_repair(9, 40 * MS) == -1


def test_what_stays_missing_is_asked_for_once_per_round_trip_and_then_given_up_for_a_key_frame() -> None:
    stream = video()
    feed(stream, 1, 3)
    rounds = [now for now in range(0, 10_000 * MS, 10 * MS) if stream.due(now)]
    assert len(rounds) == TRIES - 1
    assert all(later - earlier >= 100 * MS for earlier, later in pairwise(rounds))
    assert not stream.missing
    assert stream.wants_key_frame


def test_the_round_trip_is_learned_from_repairs() -> None:
    stream = video()
    for sequence in range(0, 200, 2):
        now = sequence * 10 * MS
        stream.accept(sequence, 0, now)
        stream.accept_repair((sequence - 1) & 0xFFFF, now + 20 * MS)
    assert 15 * MS < stream.rtt < 30 * MS


def test_sound_is_not_asked_for_again_but_taken_late() -> None:
    sound = Stream(1, 48_000, repairs=False)
    assert feed(sound, 1, 4, 2) == [0, 3, 1]
    assert asked(sound) == []
    assert not sound.due(10_000 * MS)


def test_after_an_outage_the_stream_begins_anew() -> None:
    stream = video()
    feed(stream, 1, 3)
    feed(stream, 3 + OUTAGE)
    assert (stream.generation, stream.wants_key_frame) == (0, False)
    feed(stream, 4 + 2 * OUTAGE)
    assert (stream.generation, stream.wants_key_frame, stream.missing) == (1, True, {})


def test_mere_padding_leaves_no_gap_in_the_numbers() -> None:
    stream = video()
    feed(stream, 10)
    padding = stream.accept(11, 0, 0)
    assert stream.skip()
    assert stream.accept(12, 0, 0) == padding
    stream.accept(15, 0, 0)
    assert stream.accept(13, 0, 0) == padding + 1
    assert stream.accept(14, 0, 0) == padding + 2
    assert stream.accept_repair(11, 0) == -1


def test_padding_that_comes_late_cannot_be_left_out_any_more() -> None:
    stream = video()
    first = stream.accept(10, 0, 0)
    after = stream.accept(12, 0, 0)
    assert after == first + 2
    assert stream.accept(11, 0, 0) == first + 1
    assert not stream.skip()


def test_a_late_packet_before_padding_gets_the_number_before_it() -> None:
    stream = video()
    first = stream.accept(10, 0, 0)
    stream.accept(12, 0, 0)
    assert stream.skip()
    assert stream.accept(13, 0, 0) == first + 2
    assert stream.accept(11, 0, 0) == first + 1


def test_those_who_want_a_key_frame_within_half_a_second_share_one_request() -> None:
    stream = video()
    requests = 0
    for now in range(0, 2_000 * MS, 10 * MS):
        stream.want_key_frame()
        requests += stream.key_frame_due(now)
    assert requests == 2_000 * MS // KEY_FRAME_PAUSE


def test_a_key_frame_that_does_not_come_is_asked_for_again_and_one_that_came_is_not() -> None:
    stream = video()
    stream.want_key_frame()
    assert stream.key_frame_due(0)
    assert not stream.key_frame_due(KEY_FRAME_PAUSE - 1)
    assert stream.key_frame_due(KEY_FRAME_PAUSE)
    stream.key_frame_came()
    assert not stream.key_frame_due(10 * KEY_FRAME_PAUSE)


def test_the_report_counts_what_was_lost_since_the_last_one() -> None:
    stream = video()
    assert stream.report(0) is None
    feed(stream, *(sequence for sequence in range(100) if sequence % 4 != 3), 100)
    report = stream.report(1_000 * MS)
    assert report is not None
    assert (report.lost, report.highest, report.fraction) == (25, 100, (25 << 8) // 101)
    feed(stream, *range(101, 200))
    later = stream.report(2_000 * MS)
    assert later is not None
    assert (later.lost, later.fraction) == (25, 0)


def test_the_report_answers_the_senders_last_report() -> None:
    stream, clock = video(), SenderClock()
    feed(stream, 1)
    stream.heed_report(0xAAAA_BBBB_CCCC_DDDD, 0, 1_000 * MS, clock)
    report = stream.report(1_500 * MS)
    assert report is not None
    assert (report.last_report, report.delay) == (0xBBBB_CCCC, 32_768)


def test_steady_packets_have_no_jitter_and_unsteady_ones_do() -> None:
    steady, shaken = video(), video()
    for step in range(200):
        steady.accept(step, step * 900, step * 10 * MS)
        shaken.accept(step, step * 900, step * 10 * MS + (step % 2) * 5 * MS)
    assert steady.jitter < 2
    assert 300 < shaken.jitter < 600


def test_a_senders_time_is_told_in_the_relays_by_the_quickest_report() -> None:
    stream, clock = video(), SenderClock()
    assert stream.sent_at(0, clock) is None
    second = 1 << 32
    stream.heed_report(100 * second, 0, 500_070 * MS, clock)
    stream.heed_report(101 * second, 90_000, 501_020 * MS, clock)
    stream.heed_report(102 * second, 180_000, 502_090 * MS, clock)
    assert stream.sent_at(180_000 + 45_000, clock) == 502_520 * MS
    assert stream.sent_at(180_000 - 90_000, clock) == 501_020 * MS


def test_a_path_that_became_longer_is_followed_within_a_minute() -> None:
    clock = SenderClock()
    for second in range(120):
        delay = 20 if second < 30 else 60
        clock.hear(second * 1_000 * MS, (second * 1_000 + delay) * MS)
    assert clock.local(0) == 60 * MS
