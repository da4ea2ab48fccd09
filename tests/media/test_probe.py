"""Probes find room that the media do not use, without hurting a path that has none."""

from __future__ import annotations

from bottleneck import Link, Path, Source

from media.estimate import Estimate
from media.probe import LONGEST_SPAN, Probe, RepairBudget

SOUND = 40_000


def path(rate: int, media: int, wanted: int, *, loss: float = 0.0, room: int = 200_000) -> Path:
    return Path(Link(rate, loss=loss, room=room), Source(lambda _: media), wanted=lambda _: wanted)


def test_the_first_seconds_find_what_the_top_layer_needs() -> None:
    playing = path(3_000_000, 120_000, 1_300_000)
    playing.run(4)
    assert playing.estimate.target >= 1_290_000


def test_no_more_is_probed_for_than_is_wanted() -> None:
    playing = path(5_000_000, 300_000, 1_000_000)
    playing.run(20)
    assert 1_000_000 <= playing.estimate.target < 1_200_000


def test_nothing_is_probed_when_nothing_is_wanted() -> None:
    playing = path(3_000_000, 120_000, 200_000)
    playing.run(10)
    assert (playing.probes, playing.padding) == (0, 0)


def test_a_full_path_is_probed_less_and_less_and_hardly_hurt() -> None:
    playing = path(400_000, 250_000, 1_300_000)
    playing.run(10)
    early = playing.probes
    playing.run(30)
    assert 3 <= playing.probes - early <= 9
    assert playing.estimate.target < 480_000
    assert sorted(moment.wait for moment in playing.last(30))[-len(playing.last(30)) // 20] < 150_000
    assert playing.padding * 8 / 40 < 0.1 * 400_000


def test_what_a_failed_probe_measured_still_counts() -> None:
    playing = path(700_000, 200_000, 3_000_000)
    playing.run(6)
    assert 400_000 < playing.estimate.target < 850_000


def test_a_path_that_has_become_free_is_found_free_within_six_seconds() -> None:
    playing = path(400_000, 250_000, 1_300_000)
    playing.run(30)
    playing.link.rate = 3_000_000
    playing.run(6.5)
    assert playing.estimate.target >= 1_290_000


def test_loss_that_is_usual_on_the_path_fails_no_probe() -> None:
    playing = path(3_000_000, 300_000, 1_300_000, loss=0.1)
    playing.run(15)
    assert playing.estimate.target >= 1_290_000


def test_a_path_that_drops_what_it_cannot_carry_fails_the_probe() -> None:
    playing = path(500_000, 200_000, 3_000_000, room=4_000)
    playing.run(30)
    assert max(moment.target for moment in playing.last(20)) < 1_000_000


def test_nothing_is_probed_while_the_receiver_is_silent() -> None:
    playing = path(3_000_000, 300_000, 3_000_000)
    playing.run(3)
    playing.mute = True
    playing.run(1)
    before = playing.probes
    playing.run(10)
    assert playing.probes == before


def test_padding_is_owed_evenly_beside_what_is_sent_anyway_and_ends() -> None:
    playing = path(3_000_000, 300_000, 0)
    playing.run(2)
    log, lane, now = playing.log, playing.lane, playing.now
    probe = Probe(log, lane, now)
    assert probe.owed(now) == 0
    plan = probe.due(now, playing.estimate, 500_000)
    assert plan is not None
    assert probe.due(now, playing.estimate, 500_000) is None
    paid = list[int]()
    for step in range(0, plan.span + 20_000, 10_000):
        if step == plan.span // 10_000 // 2 * 10_000:
            log.stamp_one(lane, 3_000, now + step)
        paid.append(probe.owed(now + step))
        log.stamp_one(lane, paid[-1], now + step)
    assert sum(paid) + 3_000 == plan.bitrate * plan.span // 8_000_000
    assert max(paid) <= plan.bitrate // 800 + 1
    assert not probe.running


def test_a_token_bucket_hides_no_more_than_it_holds_over_the_longest_probe() -> None:
    for burst in (3_200, 6_000):
        playing = Path(Link(250_000, burst=burst), Source(lambda _: 120_000), wanted=lambda _: 1_500_000)
        playing.run(3)
        playing.link.rate = 220_000
        playing.estimate.drops += 1
        playing.run(30)
        hidden = burst * 8_000_000 // LONGEST_SPAN
        assert max(moment.target for moment in playing.last(20)) < 220_000 + hidden


def test_an_unanswered_probe_is_given_up() -> None:
    playing = path(3_000_000, 300_000, 3_000_000)
    playing.run(0.5)
    while not playing.probe.running:
        playing.run(0.05)
    playing.mute = True
    playing.run(3)
    assert not playing.probe.running
    playing.mute = False
    playing.run(10)
    assert playing.estimate.target > 1_000_000


def test_repetitions_take_half_of_the_target_and_a_quarter_where_a_queue_stands() -> None:
    estimate = Estimate(0, start=800_000)
    budget = RepairBudget(estimate, 0)
    granted = sum(1_200 for now in range(0, 15_000_000, 1_000) if budget.spend(1_200, now))
    assert 0.9 * 750_000 < granted <= 750_000 + 25_000
    estimate.standing = 100_000
    granted = sum(1_200 for now in range(15_000_000, 30_000_000, 1_000) if budget.spend(1_200, now))
    assert 0.9 * 375_000 < granted <= 375_000 + 25_000
    assert not budget.spend(12_500, 30_000_000)
    assert budget.spend(1_200, 45_000_000)


def test_even_the_thinnest_path_is_granted_a_few_repetitions_at_once() -> None:
    budget = RepairBudget(Estimate(0, start=30_000), 0)
    assert [budget.spend(1_200, 0) for _ in range(6)] == [True] * 5 + [False]
