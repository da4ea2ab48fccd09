"""A picture that is paused for want of room is found again, though nobody speaks."""

from __future__ import annotations

import pytest
from relay_world import Line, World

GOOD, THIN = Line(3_000_000), Line(30_000)


def paused(monkeypatch: pytest.MonkeyPatch) -> World:
    """The picture was shown, the link became too thin for it, and it is paused; nobody speaks."""
    world = World(monkeypatch, GOOD, silent=True)
    world.run(0.5)
    world.show()
    assert not world.run(4)[-1].empty
    world.change(THIN)
    world.run(20)
    assert all(moment.empty for moment in world.run(20))
    return world


def found(world: World, seconds: int) -> bool:
    """Whether the picture is back within so many seconds."""
    return any(not world.run(1)[-1].empty for _ in range(seconds))


def test_a_paused_path_is_kept_alive_by_padding_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = paused(monkeypatch)
    before = world.octets
    world.run(5)
    assert 0 < (world.octets - before) * 8 / 5 < 30_000
    world.change(GOOD)
    assert found(world, 25)
    world.run(5)
    view = world.views["stage-video"]
    frames = view.frames
    world.run(2)
    assert view.frames - frames >= 45


def test_a_paused_path_is_found_again_though_all_was_lost_on_it_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A heartbeat that is lost is told of by nobody: the next may not wait for it."""
    world = paused(monkeypatch)
    world.change(Line(30_000, loss=1.0))
    world.run(3)
    world.change(GOOD)
    assert found(world, 40)
