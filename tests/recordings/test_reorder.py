from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from recordings.reorder import MOST, WAIT, Item, Lost, Reorder, Restarted
from recordings.rtp import Packet


def packet(number: int) -> Packet:
    return Packet(1, number & 0xFFFF, 0, False, 0, str(number).encode())


def play(numbers: list[int], step: int = 1_000) -> tuple[Reorder, list[Item]]:
    """Pushes the packets one millisecond apart."""
    reorder, out = Reorder(), list[Item]()
    for index, number in enumerate(numbers):
        out += reorder.push(packet(number), index * step)
    return reorder, out


def order(items: list[Item]) -> list[int | str]:
    """The numbers that came out; ``lost n`` and ``restarted`` between them."""
    return [
        int(item.payload)
        if isinstance(item, Packet)
        else f"lost {item.packets}"
        if isinstance(item, Lost)
        else "restarted"
        for item in items
    ]


def test_what_comes_in_order_goes_on_at_once() -> None:
    assert order(play([65_534, 65_535, 65_536, 65_537])[1]) == [65_534, 65_535, 65_536, 65_537]


def test_a_retransmission_within_the_wait_closes_the_hole() -> None:
    reorder, out = play([1, 2, 4, 5])
    assert order(out) == [1, 2]
    assert reorder.waiting
    assert reorder.expire(WAIT - 1) == []
    assert order(reorder.push(packet(3), WAIT - 1)) == [3, 4, 5]


def test_after_the_wait_the_hole_is_a_loss() -> None:
    reorder, _ = play([1, 2, 5, 6])
    assert order(reorder.expire(2_000 + WAIT)) == ["lost 2", 5, 6]
    assert not reorder.waiting


def test_each_hole_waits_for_itself() -> None:
    reorder, _ = play([1, 3])
    reorder.push(packet(5), 400_000)
    assert order(reorder.expire(1_000 + WAIT)) == ["lost 1", 3]
    assert order(reorder.push(packet(4), 600_000)) == [4, 5]


def test_a_packet_that_comes_too_late_or_twice_is_dropped() -> None:
    reorder, out = play([10, 11, 11, 9, 12, 10])
    assert order(out) == [10, 11, 12]
    assert not reorder.waiting


def test_a_replay_that_overlaps_brings_nothing_twice() -> None:
    assert order(play([*range(100, 140), *range(110, 145)])[1]) == list(range(100, 145))


def test_silence_is_no_loss() -> None:
    reorder, out = play([1, 2, 3], step=400_000)
    assert order(out) == [1, 2, 3]
    assert reorder.expire(10_000_000) == []


def test_one_stray_number_is_ignored_and_two_in_a_row_are_a_new_stream() -> None:
    reorder, out = play([1, 2, 20_000, 3])
    assert order(out) == [1, 2, 3]
    assert order(reorder.push(packet(30_000), 0)) == []
    assert order(reorder.push(packet(30_001), 0)) == ["restarted", 30_001]
    assert order(reorder.push(packet(30_002), 0)) == [30_002]
    assert isinstance(Reorder().flush(), list)


def test_a_new_stream_first_lets_go_what_was_held() -> None:
    reorder, _ = play([1, 3, 40_000])
    assert order(reorder.push(packet(40_001), 0)) == ["lost 1", 3, "restarted", 40_001]
    assert Restarted() == ()


def test_a_hole_that_never_closes_does_not_hold_everything() -> None:
    reorder, _ = play([0])
    out: list[Item] = []
    for number in range(2, MOST + 10):
        out += reorder.push(packet(number % 0x10000), 0)
    assert order(out)[:2] == ["lost 1", 2]


@given(st.randoms(use_true_random=False), st.integers(0, 0xFFFF))
def test_any_shuffle_within_the_wait_comes_out_in_order_and_once(chance: random.Random, start: int) -> None:
    sent = list(range(start, start + 60))
    arrived = sorted([*sent, *chance.sample(sent, 20)], key=lambda number: number + chance.uniform(0, 8))
    arrived = [start, *arrived]
    assert order(play(arrived)[1]) == sent
