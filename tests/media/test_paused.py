"""A picture that is paused for want of room is found again, though nobody speaks."""

from __future__ import annotations

import pytest
from test_steering import World


def paused(monkeypatch: pytest.MonkeyPatch) -> World:
    """The picture was shown, the link became too thin for it, and it is paused; nobody speaks."""
    world = World(monkeypatch, 3_000_000)
    world.run(0.5)
    world.steering.show({"stage-video": world.site.producer}, None, 0, world.now)
    world.run(4)
    assert world.receiver.slot.shown == "an"
    world.link.rate = 60_000
    world.run(20, lambda: world.receiver.slot.shown is None)
    assert world.receiver.slot.shown is None
    world.run(20)
    assert world.receiver.slot.shown is None
    return world


def test_a_paused_path_is_kept_alive_by_padding_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = paused(monkeypatch)
    before = len(world.receiver.repaired)
    world.run(5)
    heartbeats = world.receiver.repaired[before:]
    assert heartbeats, "nothing is sent on a path that is paused"
    assert sum(len(seen.payload) + 280 for seen in heartbeats) * 8 / 5 < 30_000
    world.link.rate = 3_000_000
    world.run(25, lambda: world.receiver.slot.shown == "an")
    assert world.receiver.slot.shown == "an"
    world.run(2)
    pictures = len(world.receiver.media)
    world.run(2)
    assert len(world.receiver.media) - pictures >= 90


def test_a_paused_path_is_found_again_though_all_was_lost_on_it_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A heartbeat that is lost is told of by nobody: the next may not wait for it."""
    world = paused(monkeypatch)
    world.link.loss = 1.0
    world.run(3)
    world.link.loss, world.link.rate = 0.0, 3_000_000
    world.run(40, lambda: world.receiver.slot.shown == "an")
    assert world.receiver.slot.shown == "an"
