"""Silence may be no packets at all (DTX, RFC 7587 section 3.1.3): it is no loss, and nobody is gone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from relay_packets import see
from test_slot import MS, Receiver, Sender, assert_unbroken

from media import clock

PACKET, SILENCE = 20 * MS, 7_000 * MS
COMFORT = 400 * MS
"""Between two packets of comfort noise."""


@pytest.fixture
def start() -> int:
    return clock.now()


def speak(an: Sender, now: int, packets: int, *, every: int = PACKET) -> int:
    for _ in range(packets):
        an.send(now)
        now += every
    return now


def test_silence_is_not_asked_for_not_reported_as_lost_and_leaves_the_slot_as_it_is(start: int) -> None:
    an, receiver = Sender("an", "opus"), Receiver("audio")
    receiver.slot.show(an.producer)
    now = speak(an, start, 50)
    assert an.stream.report(now)
    now += SILENCE
    assert not an.producer.check_idle(now)
    quiet = an.stream.report(now)
    now = speak(an, now, 5, every=COMFORT)
    now = speak(an, now, 50)
    after = an.stream.report(now)
    assert quiet is not None
    assert after is not None
    assert (quiet.fraction, quiet.lost, after.fraction, after.lost) == (0, 0, 0, 0)
    assert (an.stream.missing, an.stream.asks, an.stream.generation) == ({}, [], 0)
    assert (receiver.shown, an.producer.live, an.started) == (["an"], True, 1)
    assert_unbroken(receiver.media)
    assert len(receiver.media) == 105


def test_after_silence_the_time_stamps_have_gone_on_as_the_clock_has(start: int) -> None:
    an, receiver = Sender("an", "opus"), Receiver("audio")
    an.report(start)
    receiver.slot.show(an.producer)
    now = speak(an, start, 10)
    resumed = now + SILENCE
    speak(an, resumed, 10)
    stamps = [seen.timestamp for seen in receiver.media]
    steps = [(later - earlier) & 0xFFFF_FFFF for earlier, later in pairwise(stamps)]
    assert [step for step in steps if abs(step - 960) > 1] == [steps[9]]
    assert abs(steps[9] / 48 - (SILENCE + PACKET) / 1000) < 1


def test_a_screen_may_stand_still_and_a_microphone_be_silent_but_a_camera_may_not(start: int) -> None:
    microphone, camera, screen = Sender("an", "opus"), Sender("an"), Sender("an")
    screen.producer.source = "screen"
    for site in (microphone, camera, screen):
        site.send(start, key=True)
    later = start + 60_000 * MS
    assert [site.producer.check_idle(later) for site in (microphone, camera, screen)] == [False, True, False]
    assert [site.producer.live for site in (microphone, camera, screen)] == [True, False, True]


def test_who_begins_in_the_middle_of_silence_is_given_the_first_word(start: int) -> None:
    an, receiver = Sender("an", "opus"), Receiver("audio")
    now = speak(an, start, 10) + SILENCE
    receiver.slot.show(an.producer)
    assert (receiver.slot.shown, receiver.media) == ("an", [])
    (first,) = an.make(now)
    an.deliver(first, now)
    assert [seen.payload for seen in receiver.media] == [see(first).payload]
    assert receiver.media[0].marker
