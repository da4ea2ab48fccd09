"""What a thin path is spent on: sound, then a small picture for everyone, then the stage, then the tiles."""

from __future__ import annotations

from itertools import pairwise

from bottleneck import Link, Path, Source

from media.allocator import (
    AMPLE,
    FIRST_BACKOFF,
    MARGIN,
    PATIENCE,
    PAUSE,
    PAUSED,
    SETTLE,
    TRIED,
    Allocation,
    Claim,
    Rung,
    SlotState,
    allocate,
    layer_for,
)

SOUND = 40_000
CAMERA = (Rung(0, 0, 70_000), Rung(0, 1, 120_000), Rung(1, 0, 200_000), Rung(1, 1, 350_000), Rung(2, 1, 900_000))
SINGLE = (Rung(0, 0, 500_000),)
SECOND = 1_000_000


class Wall:
    """A receiver's stage and tiles, played second by second."""

    def __init__(self, *claims: Claim) -> None:
        self.claims = claims
        self.now = 50 * SECOND

    def given(self, budget: int, seconds: float = 0) -> Allocation:
        """What the budget gives after so many seconds of it."""
        end = self.now + int(seconds * SECOND)
        while self.now < end:
            self.now += SECOND // 2
            allocate(budget, SOUND, self.claims, self.now)
        return allocate(budget, SOUND, self.claims, self.now)

    def top(self, bitrate: int) -> None:
        """The best rung of the first claim takes so much now, 0 for none."""
        first, *rest = self.claims
        changed = (*first.ladder[:-1], first.ladder[-1]._replace(bitrate=bitrate))
        self.claims = (Claim(first.state, changed, first.cap), *rest)


def camera(cap: int = 2, ladder: tuple[Rung, ...] = CAMERA) -> Claim:
    return Claim(SlotState(), ladder, cap)


def test_everyone_has_a_small_picture_before_the_stage_rises_and_the_stage_rises_before_the_tiles() -> None:
    wall = Wall(camera(), camera(0), camera(0))
    assert wall.given(2_000_000, 8).rungs == (4, 1, 1)
    assert wall.given(1_080_000).rungs == (4, 0, 0)
    assert wall.given(1_000_000).rungs == (3, 1, 1)
    assert wall.given(540_000).rungs == (3, 0, 0)
    assert wall.given(SOUND + 210_000).rungs == (0, 0, 0)
    assert wall.given(SOUND + 209_000).rungs == (0, 0, PAUSED)
    assert wall.given(SOUND + 70_000).rungs == (0, PAUSED, PAUSED)
    assert wall.given(SOUND + 69_000, PATIENCE / SECOND + 0.5).rungs == (PAUSED, PAUSED, PAUSED)
    assert wall.given(10_000).spent == SOUND


def test_the_stage_stays_small_through_a_moment_without_room() -> None:
    wall = Wall(camera(), camera(0))
    wall.given(SOUND + 250_000, 6)
    assert wall.given(SOUND + 30_000, PATIENCE / SECOND - 0.5).rungs == (0, PAUSED)
    assert wall.given(SOUND + 150_000, 1).rungs[0] == 1
    assert wall.given(SOUND + 30_000, PATIENCE / SECOND - 0.5).rungs == (0, PAUSED)
    assert wall.given(SOUND + 30_000, 1).rungs == (PAUSED, PAUSED)


def test_nobody_goes_up_while_a_queue_stands() -> None:
    wall = Wall(camera(), camera(0))
    assert wall.given(600_000, 5).rungs == (3, 0)
    for _ in range(10):
        wall.now += SECOND
        assert allocate(3_000_000, SOUND, wall.claims, wall.now, crowded=True).rungs == (3, 0)
    assert wall.given(3_000_000, 1).rungs == (4, 1)


def test_where_the_stage_rises_the_tiles_leave_it_its_margin() -> None:
    wall = Wall(camera(), camera(1), camera(1))
    wall.given(700_000, 10)
    wall.given(950_000, 10)
    for budget in range(950_000, 1_700_000, 50_000):
        stage = wall.claims[0].state.rung
        given = wall.given(budget, 3)
        if given.rungs[0] > stage:
            assert given.spent <= budget / MARGIN
    assert wall.claims[0].state.rung == 4


def test_what_is_given_always_fits() -> None:
    wall = Wall(camera(), camera(1), camera(0), camera(0, SINGLE))
    for budget in (3_000_000, 700_000, 350_000, 90_000, 1_200_000, 450_000, 2_500_000, 100_000):
        stage, *_ = wall.given(budget).rungs
        if stage:
            assert wall.given(budget).spent <= budget
        wall.given(budget, PATIENCE / SECOND)
        for _ in range(6):
            assert wall.given(budget, 1).spent <= budget


def test_staying_needs_no_margin_and_going_up_does() -> None:
    exact = SOUND + 900_000
    rising = Wall(camera())
    assert rising.given(exact, 10).rungs == (3,)
    assert rising.given(int(exact * MARGIN) + 1, 2).rungs == (4,)
    assert rising.given(exact, 10).rungs == (4,)
    assert rising.given(exact - 1).rungs == (3,)


def test_no_more_is_sent_than_the_size_needs() -> None:
    heights = (180, 360, 720)
    assert [layer_for(height, heights) for height in (90, 180, 240, 300, 480, 720, 2160)] == [0, 0, 0, 1, 1, 2, 2]
    assert Wall(camera(layer_for(240, heights))).given(5_000_000, 5).rungs == (1,)


def test_a_layer_that_is_not_alive_is_passed_over() -> None:
    ladder = (Rung(0, 0, 120_000), Rung(1, 0, 0), Rung(2, 0, 900_000))
    assert Wall(camera(2, ladder)).given(5_000_000).rungs == (2,)
    assert Wall(camera(1, ladder)).given(5_000_000).rungs == (0,)
    assert Wall(camera(2, (Rung(0, 0, 0),))).given(5_000_000) == Allocation((PAUSED,), SOUND, 0)


def test_the_layer_on_the_screen_dying_is_no_failed_rise() -> None:
    wall = Wall(camera())
    assert wall.given(3_000_000).rungs == (4,)
    wall.top(0)
    assert wall.given(3_000_000).rungs == (3,)
    wall.top(900_000)
    assert wall.given(3_000_000, 1.5).rungs == (4,)


def test_after_a_failed_rise_it_waits_twice_as_long_each_time() -> None:
    wall = Wall(camera())
    waits = list[float]()
    assert wall.given(500_000, 10).rungs == (3,)
    for _ in range(3):
        begun = wall.now
        while wall.given(1_300_000, 0.5).rungs != (4,):
            assert wall.now - begun < 60 * SECOND
        waits.append((wall.now - begun) / SECOND)
        assert wall.given(500_000, 1).rungs == (3,)
    first = FIRST_BACKOFF / SECOND
    assert waits[0] <= 1
    assert first - 1.5 <= waits[1] <= first
    assert 2 * first - 1.5 <= waits[2] <= 2 * first


def test_a_failed_rise_does_not_keep_a_slot_from_what_it_had_before() -> None:
    wall = Wall(camera())
    wall.given(500_000, 10)
    assert wall.given(1_300_000, 1).rungs == (4,)
    assert wall.given(150_000).rungs == (0,)
    assert wall.given(1_300_000, 2).rungs == (3,)


def test_a_failed_rise_is_forgotten_where_far_more_than_it_needed_is_carried() -> None:
    wall = Wall(camera())
    wall.given(500_000, 10)
    assert wall.given(1_300_000, 1).rungs == (4,)
    allocation = wall.given(500_000, 0.5)
    assert allocation.rungs == (3,)
    assert allocation.wanted > AMPLE * (SOUND + 900_000)
    assert wall.given(int(AMPLE * (SOUND + 900_000)) - 1, 1).rungs == (3,)
    assert wall.given(allocation.wanted, 1).rungs == (4,)


def test_a_fall_behind_a_probe_is_not_laid_to_the_rise() -> None:
    wall = Wall(camera())
    wall.given(500_000, 10)
    assert wall.given(1_200_000, 1).rungs == (4,)
    assert allocate(500_000, SOUND, wall.claims, wall.now, blamed=False).rungs == (3,)
    assert wall.given(1_200_000, 1).rungs == (4,)


def test_a_picture_that_grew_is_no_failed_rise() -> None:
    wall = Wall(camera())
    wall.given(500_000, 10)
    assert wall.given(1_150_000, 1).rungs == (4,)
    wall.top(1_200_000)
    assert wall.given(1_150_000, 0.5).rungs == (3,)
    wall.top(900_000)
    assert wall.given(1_150_000, 1.5).rungs == (4,)


def test_a_rise_that_lasted_is_forgotten_as_a_risk() -> None:
    wall = Wall(camera())
    wall.given(500_000, 10)
    wall.given(1_500_000, 2 + TRIED / SECOND)
    wall.given(500_000, 1)
    assert wall.given(1_500_000, 1).rungs == (4,)


def test_a_paused_tile_comes_back_late_and_only_with_room_to_spare() -> None:
    wall = Wall(camera(0), camera(0))
    room = SOUND + 2 * 120_000
    assert wall.given(2 * room, 6).rungs == (1, 1)
    assert wall.given(SOUND + 130_000).rungs == (1, PAUSED)
    assert wall.given(2 * room, PAUSE / SECOND - 0.5).rungs == (1, PAUSED)
    assert wall.given(2 * room, 1).rungs == (1, 1)
    wall.given(SOUND + 130_000)
    assert wall.given(SOUND + 140_000, 20).rungs == (1, PAUSED)


def test_a_sender_of_one_layer_is_forwarded_or_paused() -> None:
    wall = Wall(camera(2, SINGLE))
    assert wall.given(1_000_000, 2) == Allocation((0,), SOUND + 500_000, 0)
    assert wall.given(400_000).rungs == (PAUSED,)
    lower = Wall(camera(2, (Rung(0, 0, 330_000),)))
    assert lower.given(450_000, 1).rungs == (0,)


def test_what_all_need_to_be_at_their_best_is_wanted() -> None:
    wall = Wall(camera(), camera(0))
    allocation = wall.given(600_000, 5)
    assert allocation.rungs == (3, 0)
    assert allocation.wanted == int((SOUND + 900_000 + 120_000) * MARGIN) + 1
    allocation = wall.given(2_000_000, 5)
    assert (allocation.rungs, allocation.wanted) == ((4, 1), 0)


def test_after_a_change_of_source_nobody_rises_until_its_key_frame_is_through() -> None:
    stage, tile = camera(), camera(0)
    wall = Wall(stage, tile)
    wall.given(600_000, 5)
    stage.state.switched(wall.now)
    tight = int((SOUND + 900_000 + 70_000) * MARGIN) + 1
    assert wall.given(tight, SETTLE / SECOND - 0.5).rungs[0] == 3
    assert wall.given(tight, 1).rungs[0] == 4


def test_the_new_source_begins_at_the_layer_of_the_old_one() -> None:
    stage = Wall(camera())
    stage.given(2_000_000, 3)
    stage.claims[0].state.switched(stage.now)
    assert stage.given(SOUND + 900_000).rungs == (4,)


def test_one_goes_up_at_a_time_unless_there_is_ample_room() -> None:
    wall = Wall(camera(), camera(0), camera(0))
    wall.given(SOUND + 70_000, 5)
    tight = int((SOUND + 350_000 + 240_000) * MARGIN) + 1
    steps = [wall.given(tight, 0.5).rungs for _ in range(12)]
    changes = [sum(a != b for a, b in zip(one, other, strict=True)) for one, other in pairwise(steps)]
    assert max(changes) == 1
    assert steps[-1] == (3, 1, 1)
    wall.given(tight, 5)
    wall.given(SOUND + 70_000)
    assert wall.given(10_000_000, PAUSE / SECOND + 0.5).rungs == (4, 1, 1)


def test_stage_and_tiles_over_a_link_that_becomes_thin_and_good_again() -> None:
    claims = [camera(), camera(0), camera(0)]
    given = allocate(300_000, SOUND, claims, 7_000_000_000)
    link = Link(3_000_000)
    path = Path(link, Source(lambda _: given.spent - SOUND), wanted=lambda _: given.wanted)
    stage = list[tuple[float, int]]()

    def each() -> None:
        nonlocal given
        given = allocate(path.estimate.target, SOUND, claims, path.now)
        stage.append((path.now / SECOND, given.rungs[0]))

    path.run(10, each)
    assert given.rungs == (4, 1, 1)
    link.rate = 400_000
    path.run(4, each)
    path.run(20, each)
    thin = [rung for _, rung in stage[-200:]]
    assert thin.count(PAUSED) == 0
    assert sum(a != b for a, b in pairwise(thin)) <= 8
    assert sorted(moment.wait for moment in path.last(20))[3_800] < 200_000
    link.rate = 3_000_000
    begun = path.now / SECOND
    path.run(8, each)
    assert min(moment for moment, rung in stage if moment > begun and rung == 4) - begun < 8
    path.run(10, each)
    assert given.rungs == (4, 1, 1)
