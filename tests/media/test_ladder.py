"""What a picture may be sent as, and what each way takes: measured, remembered, and not fooled by a key frame."""

from __future__ import annotations

import pytest

from media.allocator import Rung
from media.ladder import LAYERS, SPAN, Meter, alike

SECOND = 1_000_000
RATE = 1_200_000
"""Bit/s of all three layers together: half in the lowest, a quarter in each other."""


class Played:
    """An encoding's octets, reading by reading."""

    def __init__(self) -> None:
        self.meter, self.now = Meter(), 50 * SECOND
        self._octets = [0] * (LAYERS + 1)

    def run(self, seconds: float, rate: int) -> None:
        for _ in range(int(seconds * SECOND / SPAN)):
            self.now += SPAN
            octets = rate * SPAN // 8_000_000
            self.burst(octets // 2, 0)
            self.burst(octets // 4, 1)
            self.burst(octets // 4, 2)
            self.meter.read(self._octets, self.now)

    def burst(self, octets: int, layer: int) -> None:
        self._octets[layer] += octets


def test_each_layer_is_measured_with_all_below_it() -> None:
    played = Played()
    played.run(5, RATE)
    assert played.meter.layers == LAYERS
    assert played.meter.rates == pytest.approx([RATE / 2, RATE * 3 / 4, RATE], rel=0.01)
    assert played.meter.expected == pytest.approx(played.meter.rates)


def test_what_rests_is_expected_to_take_what_it_took() -> None:
    played = Played()
    played.run(5, RATE)
    played.run(60, 0)
    assert played.meter.rates[-1] < 0.01 * RATE
    assert played.meter.expected[-1] == pytest.approx(RATE, rel=0.01)


def test_what_returns_with_less_is_expected_to_grow_for_some_seconds_and_then_believed() -> None:
    played = Played()
    played.run(5, RATE)
    played.run(10, 0)
    played.run(1, RATE // 4)
    assert played.meter.rates[-1] == pytest.approx(RATE / 4, rel=0.01)
    assert played.meter.expected[-1] > 0.8 * RATE
    played.run(15, RATE // 4)
    assert played.meter.expected[-1] == pytest.approx(RATE / 4, rel=0.01)


def test_a_key_frame_is_no_rate() -> None:
    played = Played()
    played.run(5, RATE)
    played.burst(60_000, 0)
    played.run(0.25, RATE)
    assert max(played.meter.expected) <= 1.1 * RATE


def test_a_rate_that_grew_threefold_is_expected_within_three_seconds() -> None:
    played = Played()
    played.run(5, RATE // 3)
    played.run(3, RATE)
    assert played.meter.expected[-1] > 0.75 * RATE


def test_a_height_that_becomes_known_or_a_rate_that_changes_makes_another_ladder() -> None:
    ladder = (Rung(0, 0, 100_000, 180), Rung(1, 0, 300_000, 360))
    assert alike(ladder, (Rung(0, 0, 110_000, 180), Rung(1, 0, 280_000, 360)))
    assert not alike(ladder, (Rung(0, 0, 100_000, 180), Rung(1, 0, 300_000, 0)))
    assert not alike(ladder, (Rung(0, 0, 100_000, 180), Rung(1, 0, 350_000, 360)))
    assert not alike(ladder, ladder[:1])
