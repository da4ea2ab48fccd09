"""Temporal layers that are left out leave no trace: no gap in sequence numbers, none in VP8's picture numbers.

A gap in the picture numbers freezes Chromium when it goes up again (``relay.md``, pitfall 5).
"""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relay_layers import LayeredSender, temporal
from relay_packets import Seen
from test_slot import FRAME, MS, Receiver, assert_unbroken

from media import clock
from media.fan import REMEMBERED, TOP


@pytest.fixture
def start() -> int:
    return clock.now()


def assert_whole(media: list[Seen]) -> None:
    """Unbroken, picture by picture; TL0PICIDX follows the base layer."""
    assert_unbroken(media)
    pictures = [seen for seen, before in zip(media, [None, *media], strict=False) if not before or starts(seen)]
    assert all((later.picture - earlier.picture) & 0x7FFF == 1 for earlier, later in pairwise(pictures))
    base = [seen for seen in pictures if temporal(seen) == 0]
    assert all((later.tl0 - earlier.tl0) & 0xFF == 1 for earlier, later in pairwise(base))


def starts(seen: Seen) -> bool:
    return bool(seen.payload[0] & 0x10)


def watching(site: LayeredSender, limit: int) -> Receiver:
    made = Receiver()
    made.slot.want(site.producer)
    made.slot.aim_at(site.encoding, limit)
    return made


@pytest.mark.parametrize("packets", [1, 3])
def test_layers_that_are_left_out_leave_no_gap(start: int, packets: int) -> None:
    an = LayeredSender("an", sequence=65_500, picture=0x7FF0)
    watchers = {limit: watching(an, limit) for limit in (0, 1, TOP)}
    an.run(start, 80, packets=packets)
    for limit, frames in ((0, 20), (1, 40), (TOP, 80)):
        media = watchers[limit].media
        assert len(media) == frames * packets
        assert max(map(temporal, media)) == min(limit, 2)
        assert_whole(media)


def test_fewer_layers_begin_at_a_frame_of_the_base_layer_and_at_no_other(start: int) -> None:
    an = LayeredSender("an")
    receiver = watching(an, TOP)
    now = an.run(start, 5)
    receiver.slot.aim_at(an.encoding, 0)
    for layer in (2, 1, 2, 0, 2, 1, 2, 0):
        an.show(now, layer)
        now += FRAME
    assert [temporal(seen) for seen in receiver.media] == [0, 2, 1, 2, 0, 2, 1, 2, 0, 0]
    assert_whole(receiver.media)


def test_more_layers_begin_only_at_a_frame_with_the_layer_sync_bit(start: int) -> None:
    an = LayeredSender("an")
    receiver = watching(an, 0)
    now = an.run(start, 8)
    receiver.slot.aim_at(an.encoding, TOP)
    for layer, sync in ((0, False), (2, False), (1, False), (2, False), (0, False), (2, True), (1, True), (2, False)):
        an.show(now, layer, sync=sync, packets=2)
        now += FRAME
    assert [temporal(seen) for seen in receiver.media if starts(seen)] == [0, 0, 0, 0, 2, 1, 2]
    assert_whole(receiver.media)


def test_one_layer_more_passes_over_the_sync_of_a_layer_that_is_not_wanted(start: int) -> None:
    an = LayeredSender("an")
    receiver = watching(an, 0)
    now = an.run(start, 4)
    receiver.slot.aim_at(an.encoding, 1)
    for layer, sync in ((0, False), (2, True), (1, True), (2, False), (0, False), (1, False)):
        an.show(now, layer, sync=sync)
        now += FRAME
    assert [temporal(seen) for seen in receiver.media] == [0, 0, 1, 0, 1]
    assert_whole(receiver.media)


def test_a_change_is_not_made_in_the_middle_of_a_frame_nor_at_a_late_one(start: int) -> None:
    an = LayeredSender("an")
    receiver = watching(an, TOP)
    now = an.run(start, 4)
    first, second = an.layered(now, 0, packets=2)
    an.deliver(first, now)
    receiver.slot.aim_at(an.encoding, 0)
    an.deliver(second, now)
    (late,) = an.layered(now + FRAME, 0)
    an.show(now + 2 * FRAME, 1)
    an.deliver(late, now + 2 * FRAME)
    assert receiver.slot.layer == "-/3"
    an.show(now + 3 * FRAME, 0)
    an.show(now + 4 * FRAME, 1)
    assert receiver.slot.layer == "-/0"
    ordered = sorted(receiver.media, key=lambda seen: (seen.sequence - receiver.media[0].sequence) & 0xFFFF)
    assert_unbroken(ordered)
    assert [temporal(seen) for seen in ordered] == [0, 2, 1, 2, 0, 0, 0, 1, 0]


def test_requests_across_changes_of_layers_find_the_very_packets(start: int) -> None:
    an = LayeredSender("an", sequence=65_520, picture=0x7FFA)
    receiver = watching(an, TOP)
    now = an.run(start, 6, packets=2)
    for limit in (0, TOP, 1):
        receiver.slot.aim_at(an.encoding, limit)
        for layer, sync in ((2, False), (0, False), (2, True), (1, True), (2, False), (0, False)):
            an.show(now, layer, sync=sync, packets=2)
            now += FRAME
    assert receiver.slot.switches == 4
    assert_whole(receiver.media)
    receiver.slot.repeat([seen.sequence for seen in receiver.media], now)
    assert receiver.slot.unknown == 0
    assert [(s.payload[:2], s.payload[2:], s.timestamp, s.marker) for s in receiver.repaired] == [
        (s.sequence.to_bytes(2, "big"), s.payload, s.timestamp, s.marker) for s in receiver.media
    ]


def test_who_joins_a_thinned_stream_later_begins_at_its_key_frame_and_misses_nothing(
    start: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    an = LayeredSender("an")
    early = watching(an, 0)
    now = an.run(start, 12)
    monkeypatch.setattr(clock, "now", lambda: now)
    late = watching(an, 0)
    (key, *rest) = an.layered(now, 0, key=True, packets=3)
    an.deliver(key, now)
    later = watching(an, 0)
    for datagram in rest:
        an.deliver(datagram, now)
    an.run(now + FRAME, 12)
    latest = watching(an, 0)
    assert len({id(receiver.slot.fan) for receiver in (early, late, later, latest)}) == 1
    for receiver, packets in ((early, 9), (late, 6), (later, 6), (latest, 3)):
        assert len(receiver.media) == packets
        assert_whole(receiver.media)
        receiver.slot.repeat([seen.sequence for seen in receiver.media], now + 20 * FRAME)
        assert [seen.payload[2:] for seen in receiver.repaired] == [seen.payload for seen in receiver.media]


def test_all_who_wait_for_one_key_frame_of_a_thinned_stream_begin_at_it_and_no_other_is_asked_for(start: int) -> None:
    an, binh = LayeredSender("an"), LayeredSender("binh")
    receivers = [watching(an, TOP) for _ in range(3)]
    an.show(start, 0, key=True)
    binh.show(start, 0)
    for receiver in receivers:
        receiver.slot.want(binh.producer)
        receiver.slot.aim_at(binh.encoding, 0)
    asked = binh.key_frames_asked
    binh.show(start + FRAME, 0, key=True)
    assert [receiver.slot.shown for receiver in receivers] == ["binh"] * 3
    assert (binh.key_frames_asked, binh.stream.wants_key_frame) == (asked, False)


def test_an_upper_packet_that_comes_after_a_later_one_was_sent_takes_the_place_left_open_for_it(start: int) -> None:
    """It changes no number: a number that two packets bear is sealed twice with one key stream."""
    an = LayeredSender("an")
    receiver = watching(an, 0)
    an.show(start, 0, key=True)
    (upper,) = an.layered(start + FRAME, 1, sync=True)
    (base,) = an.layered(start + 2 * FRAME, 0)
    an.deliver(base, start + 2 * FRAME, flush=False)
    an.deliver(upper, start + 2 * FRAME)
    an.show(start + 3 * FRAME, 1)
    an.show(start + 4 * FRAME, 0)
    first = receiver.media[0].sequence
    assert [((s.sequence - first) & 0xFFFF, temporal(s)) for s in receiver.media] == [(0, 0), (2, 0), (1, 1), (3, 0)]
    receiver.slot.repeat([seen.sequence for seen in receiver.media], start + 5 * FRAME)
    assert [seen.payload[2:] for seen in receiver.repaired] == [seen.payload for seen in receiver.media]


def test_an_upper_packet_that_comes_late_but_before_a_later_one_was_sent_closes_its_gap(start: int) -> None:
    an = LayeredSender("an")
    receiver = watching(an, 0)
    an.show(start, 0, key=True)
    one, two = an.layered(start + FRAME, 1, sync=True, packets=2)
    an.deliver(two, start + FRAME)
    an.deliver(one, start + FRAME, repair=True)
    an.show(start + 2 * FRAME, 0)
    an.show(start + 3 * FRAME, 0)
    assert_whole(receiver.media)
    assert len(receiver.media) == 3


def test_a_base_packet_that_was_repaired_late_keeps_its_place_among_those_left_out(start: int) -> None:
    an = LayeredSender("an")
    receiver = watching(an, 0)
    an.show(start, 0, key=True)
    one, two = an.layered(start + FRAME, 0, packets=2)
    an.deliver(one, start + FRAME)
    an.show(start + 2 * FRAME, 2, sync=True)
    an.show(start + 3 * FRAME, 0)
    an.deliver(two, start + 3 * FRAME, repair=True)
    an.show(start + 4 * FRAME, 0)
    ordered = sorted(receiver.media, key=lambda seen: (seen.sequence - receiver.media[0].sequence) & 0xFFFF)
    assert [seen.sequence for seen in ordered] != [seen.sequence for seen in receiver.media]
    assert_whole(ordered)


def test_a_late_packet_in_one_burst_with_a_new_one_reaches_nobody_who_began_after_it(start: int) -> None:
    an, binh, receiver = LayeredSender("an"), LayeredSender("binh"), Receiver()
    receiver.slot.show(binh.producer)
    binh.show(start, 0, key=True)
    an.show(start, 0)
    (late,) = an.layered(start + FRAME, 0)
    receiver.slot.show(an.producer)
    an.show(start + 2 * FRAME, 0, key=True)
    (new,) = an.layered(start + 3 * FRAME, 0)
    an.deliver(new, start + 3 * FRAME, flush=False)
    an.deliver(late, start + 3 * FRAME, flush=False)
    an.wire.flush(start + 3 * FRAME)
    assert len(receiver.media) == 3
    assert_unbroken(receiver.media)


class Model:
    """What a receiver must see of a thinned stream, told by plain lists: which source packet each number brought."""

    def __init__(self, receiver: Receiver) -> None:
        media = receiver.media
        first = media[0].sequence
        self.by_place = {(seen.sequence - first + 0x4000 & 0xFFFF) - 0x4000: seen for seen in media}
        assert len(self.by_place) == len(media), "two packets with one number"
        self.ordered = [self.by_place[place] for place in sorted(self.by_place)]
        self.holes = max(self.by_place) + 1 - len(self.by_place)

    def sources(self) -> list[int]:
        """The number that the sender wrote into each packet's body, in the order of the receiver's numbers."""
        return [int(seen.payload[7 if starts(seen) else 6 :]) for seen in self.ordered]


def frames_of(dice: random.Random, count: int) -> list[tuple[int, int]]:
    """Layers and sizes in packets; the first is of the base layer."""
    return [(0, 1)] + [(dice.choice((0, 1, 2, 2)), dice.choice((1, 1, 2, 3))) for _ in range(count)]


def play(
    an: LayeredSender, frames: list[tuple[int, int]], now: int, dice: random.Random, disorder: float
) -> list[tuple[int, int]]:
    """Delivers frames; some packets late, in place or as repairs. Returns layer of each, and whether it was late."""
    waiting: list[tuple[int, bytes]] = []
    told: list[tuple[int, int]] = []
    for place, (layer, packets) in enumerate(frames):
        for datagram in an.layered(now, layer, key=place == 0, packets=packets):
            marked = datagram[: 27 if datagram[20] & 0x10 else 26] + str(len(told)).encode()
            late = place > 0 and dice.random() < disorder
            told.append((layer, late))
            if late:
                waiting.append((len(told) + dice.randrange(1, 12), marked))
            else:
                an.deliver(marked, now, flush=dice.random() < 0.7)
            for due in [due for due in waiting if due[0] <= len(told)]:
                waiting.remove(due)
                again = missing(an, due[1]) and dice.random() < 0.5
                an.deliver(due[1], now, repair=again, flush=dice.random() < 0.7)
        now += 2 * MS
    for _, datagram in waiting:
        an.deliver(datagram, now, repair=missing(an, datagram))
    an.show(now, 0)
    return told


def missing(an: LayeredSender, datagram: bytes) -> bool:
    """Whether the relay asks for this packet."""
    return int.from_bytes(datagram[2:4], "big") in {place & 0xFFFF for place in an.stream.missing}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from((0, 1)), st.sampled_from((0.0, 0.02, 0.2)))
def test_whatever_is_late_every_number_is_one_packets_and_requests_find_it(
    seed: int, limit: int, disorder: float
) -> None:
    dice, now = random.Random(seed), clock.now()
    an = LayeredSender("an", sequence=dice.randrange(65_536), picture=dice.randrange(0x8000))
    receiver = watching(an, limit)
    told = play(an, frames_of(dice, 80), now, dice, disorder)
    receiver.media.pop()
    model = Model(receiver)
    sources = model.sources()
    assert all(one < other for one, other in pairwise(sources))
    assert {place for place, (layer, _) in enumerate(told) if layer <= limit} <= set(sources)
    assert all(told[place][0] <= limit or told[place][1] for place in sources)
    assert model.holes == 0
    pictures, numbers = dict[int, int](), list[int]()
    for seen in model.ordered:
        assert pictures.setdefault(seen.timestamp, seen.picture) == seen.picture
        if temporal(seen) <= limit and starts(seen):
            numbers.append(seen.picture)
    assert all(0 < (later - earlier) & 0x7FFF < 0x4000 for earlier, later in pairwise(numbers))
    if not disorder:
        assert_whole(receiver.media)
    receiver.slot.repeat([seen.sequence for seen in receiver.media], now)
    assert [s.payload[2:] for s in receiver.repaired] == [s.payload for s in receiver.media]


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 1 << 32))
def test_after_thousands_of_packets_left_out_numbers_still_follow_one_another(seed: int) -> None:
    dice, now = random.Random(seed), clock.now()
    an = LayeredSender("an")
    receiver = watching(an, 0)
    an.show(now, 0, key=True)
    layers = [dice.choice((0, 1, 2, 2)) for _ in range(3 * REMEMBERED)]
    assert sum(layer > 0 for layer in layers) > 2 * REMEMBERED
    for layer in layers:
        now += 2 * MS
        an.show(now, layer)
        if layer == 0:
            assert (receiver.media[-1].sequence - receiver.media[-2].sequence) & 0xFFFF == 1
            assert (receiver.media[-1].picture - receiver.media[-2].picture) & 0x7FFF == 1
    recent = receiver.media[-150:]
    receiver.slot.repeat([seen.sequence for seen in recent], now)
    assert [seen.payload[2:] for seen in receiver.repaired] == [seen.payload for seen in recent]
