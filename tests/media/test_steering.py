"""What one receiver sees behind a poor line, in virtual time: a stage of three sizes, and tiles."""

from __future__ import annotations

import pytest
from relay_camera import Camera
from relay_world import Line, Moment, World

STILL = 1.0
"""No picture stands for longer, in seconds."""
GOOD, THIN = 3_000_000, 400_000
CLEAN = Line(100_000_000)


def begun(monkeypatch: pytest.MonkeyPatch, line: Line, *, tiles: int = 0) -> World:
    world = World(monkeypatch, line, tiles=tiles)
    world.run(0.3)
    world.show()
    return world


def longest_still(moments: list[Moment]) -> float:
    return max(moment.still for moment in moments)


def held_after(moments: list[Moment], layer: int) -> float:
    """Seconds until at least this layer is shown and stays; infinite for never."""
    below = [moment.at for moment in moments if moment.layer < layer]
    if not below:
        return 0.0
    return below[-1] - moments[0].at if below[-1] < moments[-1].at else float("inf")


@pytest.mark.parametrize(
    ("line", "layer"),
    [
        (Line(250_000), 0),
        (Line(500_000), 1),
        (Line(1_500_000), 2),
        (Line(500_000, queue=0.15), 1),
        (Line(500_000, queue=1.0, burst=8_000), 1),
        (Line(100_000_000, loss=0.03), 2),
        (Line(100_000_000, loss=0.10), 2),
        (Line(500_000, loss=0.03), 1),
        (Line(100_000_000, delay=0.1), 2),
        (Line(500_000, delay=0.1), 1),
    ],
)
def test_the_best_that_the_line_carries_is_found_and_kept(
    monkeypatch: pytest.MonkeyPatch, line: Line, layer: int
) -> None:
    world = begun(monkeypatch, line)
    start, later = world.run(5), world.run(25)
    assert held_after(start + later, layer) < 6
    assert longest_still(later) < STILL
    assert not any(moment.empty for moment in later)
    assert world.heard > (1 - line.loss) * 0.97 * world.spoken


@pytest.mark.parametrize(
    ("burst", "queue", "delay"),
    [(3_200, 0.3, 0.005), (3_200, 0.15, 0.005), (3_200, 1.0, 0.005), (16_000, 0.3, 0.005), (3_200, 0.3, 0.1)],
)
def test_a_line_that_becomes_thin_freezes_nothing_and_has_its_picture_back_when_it_is_good_again(
    monkeypatch: pytest.MonkeyPatch, burst: int, queue: float, delay: float
) -> None:
    good, thin = (Line(rate, burst, queue, delay=delay) for rate in (GOOD, THIN))
    world = begun(monkeypatch, good)
    before = world.run(15)
    assert held_after(before, 2) < 5
    world.change(thin)
    narrow = world.run(15)
    assert longest_still(narrow) < STILL
    assert not any(moment.empty for moment in narrow)
    assert held_after(narrow, 0) < 1
    world.change(good)
    after = world.run(15)
    assert longest_still(after) < STILL
    assert held_after(after, 2) < 8


def test_while_the_line_is_thin_the_queue_is_mostly_short(monkeypatch: pytest.MonkeyPatch) -> None:
    world = begun(monkeypatch, Line(GOOD))
    world.run(15)
    world.change(Line(THIN))
    world.run(3)
    waits = sorted(moment.wait for moment in world.run(20))
    assert waits[len(waits) * 3 // 4] < 0.1
    assert waits[len(waits) // 2] < 0.05


def test_a_size_that_rested_counts_with_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate measured while nothing came made the largest picture look free, and it was tried again and again."""
    world = begun(monkeypatch, Line(THIN))
    world.run(30)
    camera = world.cameras["stage-video"]
    assert camera.sent == {1}
    top = camera.producer.ladder[-1]
    assert top.spatial == 2
    assert top.bitrate > 0.8 * camera.rates[2]


def test_on_a_thin_line_everyone_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    world = begun(monkeypatch, Line(4_000_000), tiles=4)
    world.run(10)
    assert [world.views[name].layer for name in world.slots] == [2, 1, 1, 1, 1]
    world.change(Line(THIN))
    assert longest_still(world.run(10)) < STILL
    assert all(slot.shown == name for name, slot in world.slots.items())
    world.change(Line(4_000_000))
    after = world.run(12)
    assert held_after(after, 2) < 8
    assert longest_still(after) < STILL


def test_a_key_frame_of_a_new_source_is_not_taken_for_a_full_path(monkeypatch: pytest.MonkeyPatch) -> None:
    world = begun(monkeypatch, Line(1_700_000))
    world.run(8)
    drops, layer = world.steering.estimate.drops, world.views["stage-video"].layer
    assert layer == 2
    world.cameras["stage-video"] = Camera("another", world.wire, seed=20)
    world.run(0.5)
    world.show()
    moments = world.run(4)
    assert world.slots["stage-video"].shown == "another"
    assert world.steering.estimate.drops == drops
    assert moments[-1].layer == layer


def test_what_was_given_up_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    world = begun(monkeypatch, Line(GOOD))
    world.run(6)
    slot, producer = world.slots["stage-video"], world.cameras["stage-video"].producer
    newest = world.views["stage-video"].newest
    slot.repeat([newest & 0xFFFF], world.now)
    assert slot.repeated == 1
    slot.aim_at(producer.encodings[0], at_once=True)
    slot.repeat([newest - 1 & 0xFFFF], world.now)
    assert slot.repeated == 1
