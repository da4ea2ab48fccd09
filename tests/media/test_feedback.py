"""What receivers tell of their packets is understood in every form in which it may be written."""

from __future__ import annotations

import random
import struct

import pytest
from bottleneck import feedback

from media.congestion import ArrivalLog
from media.feedback import read
from media.sendlog import KEPT, SendLog

FORMS = ("shortest", "run", "one-bit", "two-bit")
SENT = 5_000_000_000
"""When the first packet was sent; the next ones follow every millisecond."""
APART = 700_000_123
"""What the receiver's clock is ahead."""


def sent(packets: int, *, size: int = 1000, begin: int = 0) -> tuple[SendLog, int]:
    """A lane in which so many packets of growing size were sent, one each millisecond."""
    log = SendLog(2)
    log.take()
    lane = log.take()
    for number in range(begin + packets):
        log.stamp_one(lane, size + number, SENT + 1000 * number)
    log.deliveries[lane].edge = begin
    log.deliveries[lane].told = sum(size + number for number in range(begin))
    return log, lane


def arrival(number: int, delay: int = 20_000) -> int:
    return SENT + 1000 * number + APART + delay


def octets(*numbers: int) -> int:
    return sum(1000 + number for number in numbers)


@pytest.mark.parametrize("form", FORMS)
def test_what_arrived_is_told_with_its_octets_and_times(form: str) -> None:
    log, lane = sent(20)
    told = read(log, lane, feedback(0, [arrival(number) for number in range(7)], form=form), SENT + 90_000)
    assert told is not None
    assert (told.received, told.lost, told.octets) == (7, 0, octets(*range(7)))
    assert (told.sent_first, told.sent_last) == (SENT, SENT + 6000)
    assert abs(told.arrival_last - arrival(6)) <= 250
    assert told.arrival_last - told.arrival_first == 6000
    assert abs(told.delay - APART - 20_000) <= 250
    told = read(log, lane, feedback(7, [arrival(number) for number in range(7, 20)], form=form), SENT + 90_000)
    assert told is not None
    assert (told.received, told.octets, told.edge) == (13, octets(*range(7, 20)), 20)


@pytest.mark.parametrize("form", FORMS)
def test_what_was_lost_is_told_without_its_octets(form: str) -> None:
    log, lane = sent(60)
    here = [number for number in range(60) if number % 7 and not 20 <= number < 42]
    body = feedback(0, [arrival(number) if number in here else None for number in range(60)], form=form)
    told = read(log, lane, body, SENT + 90_000)
    assert told is not None
    assert (told.received, told.lost, told.octets) == (len(here), 60 - len(here), octets(*here))
    assert (told.sent_first, told.sent_last) == (SENT + 1000, SENT + 59_000)


@pytest.mark.parametrize("form", ["shortest", "run", "two-bit"])
def test_the_least_delay_counts_and_arrivals_may_go_backwards(form: str) -> None:
    log, lane = sent(5)
    delays = [80_000, 200_000, 90_000, 8_000, 30_000]
    body = feedback(0, [arrival(number, delay) for number, delay in enumerate(delays)], form=form)
    told = read(log, lane, body, SENT + 300_000)
    assert told is not None
    assert (told.received, told.lost) == (5, 0)
    assert abs(told.delay - APART - 8_000) <= 250
    assert abs(told.arrival_last - arrival(4, 30_000)) <= 250


def test_all_forms_may_follow_one_another_in_one_feedback() -> None:
    log, lane = sent(300)
    dice = random.Random(3)
    here = {0, *(number for number in range(1, 300) if not 100 < number < 170 and (number < 60 or dice.random() < 0.7))}
    slow = {number for number in here if number > 200 and dice.random() < 0.2}
    arrivals = [
        arrival(number, 20_000 + 80_000 * (number in slow)) if number in here else None for number in range(300)
    ]
    told = read(log, lane, feedback(0, arrivals), SENT + 900_000)
    assert told is not None
    assert (told.received, told.lost, told.octets) == (len(here), 300 - len(here), octets(*here))


def test_what_comes_late_is_no_longer_lost_and_nothing_counts_twice() -> None:
    log, lane = sent(20)
    read(log, lane, feedback(0, [arrival(0), arrival(1), None, None, arrival(4)]), SENT + 90_000)
    again = feedback(2, [arrival(2, 60_000), None, arrival(4), arrival(5)])
    told = read(log, lane, again, SENT + 90_000)
    assert told is not None
    assert (told.received, told.lost, told.octets) == (2, -1, octets(2, 5))
    assert (told.sent_first, told.sent_last) == (SENT + 5000, SENT + 5000)
    assert read(log, lane, again, SENT + 90_000) is None


def test_packets_of_which_no_feedback_came_count_as_arrived_and_not_as_lost() -> None:
    log, lane = sent(30)
    read(log, lane, feedback(0, [arrival(number) for number in range(5)]), SENT + 90_000)
    overtaken = feedback(5, [arrival(number) for number in range(5, 12)])
    told = read(log, lane, feedback(12, [arrival(12), None, arrival(14)], count=2), SENT + 90_000)
    assert told is not None
    assert (told.received, told.lost, told.octets) == (2, 1, octets(*range(5, 13), 14))
    assert read(log, lane, overtaken, SENT + 90_000) is None
    told = read(log, lane, feedback(15, [arrival(15)]), SENT + 90_000)
    assert told is not None
    assert (told.received, told.octets) == (1, octets(15))


def test_sequence_numbers_wrap() -> None:
    log, lane = sent(20, begin=0x1_0000 - 10)
    first = 0x1_0000 - 10
    told = read(log, lane, feedback(first, [arrival(first + place) for place in range(15)]), arrival(0) + 90_000_000)
    assert told is not None
    assert (told.received, told.edge, told.sent_first) == (15, 0x1_0005, SENT + 1000 * first)
    told = read(log, lane, feedback(0x1_0005, [None, arrival(0x1_0006)]), arrival(0) + 90_000_000)
    assert told is not None
    assert (told.received, told.lost, told.edge) == (1, 1, 0x1_0007)


def test_the_receivers_reference_time_wraps() -> None:
    log, lane = sent(20)
    turn = (1 << 24) * 64_000
    before = read(log, lane, feedback(0, [turn - 30_000, turn - 20_000]), SENT + 90_000)
    assert before is not None
    last = before.arrival_last
    after = read(log, lane, feedback(2, [turn + 64_000 * 2, turn + 64_000 * 2 + 500]), SENT + 90_000)
    assert after is not None
    assert after.arrival_first - last == 128_000 + 20_000


def test_send_times_wrap() -> None:
    log = SendLog(1)
    lane = log.take()
    begin = (1 << 32) * 3 - 1000
    for number in range(4):
        log.stamp_one(lane, 100, begin + 500 * number)
    told = read(log, lane, feedback(0, [9_000_000 + 500 * number for number in range(4)]), begin + 60_000)
    assert told is not None
    assert (told.sent_first, told.sent_last) == (begin, begin + 1500)


def test_what_the_log_has_forgotten_is_counted_without_a_time() -> None:
    log, lane = sent(KEPT + 100)
    told = read(log, lane, feedback(0, [arrival(0), None, arrival(2)]), SENT + 2_000_000)
    assert told is not None
    assert (told.received, told.lost, told.timed) == (2, 1, False)
    told = read(log, lane, feedback(3, [arrival(number) for number in range(3, KEPT + 100)]), SENT + 2_000_000)
    assert told is not None
    assert told.timed
    assert told.received == KEPT + 97
    assert told.sent_first == SENT + 100_000


def test_the_relays_own_feedback_is_understood() -> None:
    log, lane = sent(400)
    arrivals, dice = ArrivalLog(), random.Random(5)
    here = [number for number in range(400) if dice.random() < 0.8]
    for number in here:
        arrivals.note(number, arrival(number, 20_000 + dice.randrange(120_000)))
    body = arrivals.feedback()
    assert body is not None
    told = read(log, lane, body[4:], SENT + 900_000)
    assert told is not None
    assert told.received + told.lost == here[-1] - here[0] + 1
    assert told.octets == octets(*range(here[0]), *here)


def test_a_cluster_is_measured_from_its_first_packet_to_its_last() -> None:
    log, lane = sent(3)
    cluster = log.mark(lane, SENT + 10_000)
    for number in range(3, 13):
        log.stamp_one(lane, 1000 + number, SENT + 1000 * number)
    log.seal(lane)
    log.stamp_one(lane, 1013, SENT + 13_000)
    read(log, lane, feedback(0, [arrival(number) for number in range(5)]), SENT + 90_000)
    rest = [arrival(number, 20_000 if number > 9 else 10_000) for number in range(8, 14)]
    read(log, lane, feedback(5, [arrival(5), None, None, *rest]), SENT + 90_000)
    assert (cluster.begin, cluster.end, cluster.received, cluster.lost) == (3, 13, 8, 2)
    assert cluster.octets == octets(4, 5, 8, 9, 10, 11, 12)
    assert (cluster.sent_first, cluster.sent_last) == (SENT + 3000, SENT + 12_000)
    assert cluster.arrival_last - cluster.arrival_first == 9000
    assert cluster.delay is not None
    assert abs(cluster.delay - APART - 20_000) <= 250
    read(
        log, lane, feedback(6, [arrival(6, 80_000), None, *(arrival(number) for number in range(8, 14))]), SENT + 99_000
    )
    assert (cluster.received, cluster.lost, cluster.octets) == (9, 1, octets(4, 5, 6, 8, 9, 10, 11, 12))


@pytest.mark.parametrize("form", FORMS)
def test_a_feedback_that_is_cut_short_keeps_what_was_read(form: str) -> None:
    whole = feedback(0, [arrival(number) for number in range(9)], form=form)
    deltas_at = 20 if form == "two-bit" else 18
    for size in range(len(whole)):
        log, lane = sent(20)
        told = read(log, lane, whole[:size], SENT + 90_000)
        assert (told.received if told else 0) == min(9, max(0, size - deltas_at))


def test_packets_that_were_never_sent_are_not_believed() -> None:
    log, lane = sent(5)
    told = read(log, lane, feedback(0, [arrival(number) for number in range(9)]), SENT + 90_000)
    assert told is not None
    assert (told.received, told.edge) == (5, 5)
    assert read(log, lane, feedback(30, [arrival(30)]), SENT + 90_000) is None
    assert read(log, lane, feedback(-30, [arrival(1)]), SENT + 90_000) is None
    assert log.deliveries[lane].edge == 5


def test_noise_never_raises_and_never_tells_more_than_was_sent() -> None:
    dice = random.Random(11)
    log, lane = sent(200)
    total = 0
    for _ in range(5000):
        body = dice.randbytes(dice.randrange(60))
        if dice.random() < 0.7:
            head = struct.pack("!IIHHI", 1, 2, dice.randrange(260), dice.randrange(90), dice.getrandbits(32))
            body = head + body
        told = read(log, lane, body, SENT + 900_000)
        if told is not None:
            total += told.received + told.lost
            assert 0 <= told.octets <= octets(*range(200))
    assert total <= 200


def test_a_count_that_cannot_be_is_not_believed() -> None:
    log, lane = sent(20_000, size=1)
    huge = struct.pack("!IIHHIHHHHH", 1, 2, 0, 0x3FFF, 0, 0x1FFF, 0x1FFF, 0x1FFF, 0x1FFF, 0)
    assert read(log, lane, huge, SENT) is None
    assert log.deliveries[lane].edge == 0
