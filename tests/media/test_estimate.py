"""How much a path carries is found out in virtual time, over a link whose rate is known."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean

import pytest
from bottleneck import Link, Path, Source

from media.estimate import START, Estimate

LAYERS = (120_000, 350_000, 900_000)
SOUND = 40_000


def elastic(target: int) -> int:
    """Pictures that follow the target to the bit."""
    return max(30_000, target - SOUND - 5_000)


def layered(target: int) -> int:
    """The best of three layers that the target pays."""
    return max((layer for layer in LAYERS if layer + SOUND <= target), default=0)


def steady(rate: int) -> Callable[[int], int]:
    return lambda _: rate


def wants(rate: int) -> Callable[[int], int]:
    return lambda _: rate


def targets(path: Path, seconds: float) -> list[int]:
    return [moment.target for moment in path.last(seconds)]


def waits(path: Path, seconds: float) -> list[int]:
    """Lengths of the queue, in ms."""
    return [moment.wait // 1000 for moment in path.last(seconds)]


def longest_standing(path: Path, seconds: float) -> int:
    """The longest queue, in ms, that did not become shorter for two seconds."""
    lengths = waits(path, seconds)
    return max(min(lengths[place : place + 400]) for place in range(0, len(lengths) - 400, 20))


@pytest.mark.parametrize("rate", [250_000, 500_000, 1_000_000, 1_500_000, 3_000_000])
def test_the_rate_of_the_link_is_found_and_kept(rate: int) -> None:
    path = Path(Link(rate), Source(elastic), wanted=wants(5_000_000))
    path.run(30)
    assert 0.75 * rate < mean(targets(path, 20)) < 1.05 * rate
    assert longest_standing(path, 25) < 150


def test_a_link_that_becomes_thin_and_good_again_is_followed() -> None:
    link = Link(3_000_000)
    path = Path(link, Source(layered), wanted=wants(1_200_000))
    path.run(10)
    assert min(targets(path, 5)) > 1_000_000
    link.rate = 400_000
    path.run(3)
    assert max(targets(path, 2)) < 450_000
    path.run(12)
    assert 300_000 < mean(targets(path, 10)) < 450_000
    assert longest_standing(path, 12) < 150
    link.rate = 3_000_000
    path.run(8)
    assert min(targets(path, 0.5)) > 900_000 + SOUND


def test_a_long_queue_of_our_own_making_is_drained_at_more_than_half_the_links_rate() -> None:
    link = Link(3_000_000, room=1_000_000)
    path = Path(link, Source(elastic), wanted=wants(3_000_000))
    path.run(10)
    link.rate = 400_000
    path.run(0.5)
    full = max(waits(path, 0.5))
    assert full > 1_000
    path.run(1 + full / 550)
    assert min(waits(path, 0.5)) < 150
    path.run(20)
    assert longest_standing(path, 20) < 150


@pytest.mark.parametrize("loss", [0.03, 0.1])
def test_loss_without_a_queue_does_not_starve(loss: float) -> None:
    path = Path(Link(1_500_000, loss=loss), Source(elastic), wanted=wants(1_500_000))
    path.run(30)
    assert min(targets(path, 25)) > 900_000 + SOUND


def test_loss_alone_does_not_starve_even_without_probes() -> None:
    path = Path(Link(3_000_000, loss=0.1), Source(steady(400_000)))
    path.run(20)
    assert min(targets(path, 15)) > 290_000
    assert targets(path, 1)[-1] > 500_000


def test_a_link_that_drops_instead_of_queueing_is_not_flooded() -> None:
    link = Link(800_000, room=4_000)
    path = Path(link, Source(elastic), wanted=wants(2_000_000))
    path.run(40)
    assert 400_000 < mean(targets(path, 30)) < 1_000_000


def test_heavy_loss_that_goes_when_less_is_sent_was_the_links_end() -> None:
    link = Link(3_000_000, room=20_000)
    path = Path(link, Source(elastic), wanted=wants(1_500_000))
    path.run(8)
    link.rate, link.room = 600_000, 2_500
    path.run(8)
    assert max(targets(path, 2)) < 900_000


@pytest.mark.parametrize("skew", [500, -500])
def test_clocks_that_drift_apart_do_not_look_like_a_queue(skew: int) -> None:
    path = Path(Link(1_000_000), Source(elastic), wanted=wants(2_000_000), skew=skew)
    path.run(90)
    assert mean(targets(path, 60)) > 750_000
    assert longest_standing(path, 80) < 150


def test_it_rises_no_further_than_half_above_what_is_sent() -> None:
    path = Path(Link(5_000_000), Source(steady(500_000)))
    path.run(60)
    sent = mean(moment.sent for moment in path.moments)
    assert 1.1 * sent < max(targets(path, 60)) < 1.5 * sent


def test_nothing_decays_while_nothing_is_sent() -> None:
    on = [500_000]
    path = Path(Link(3_000_000), Source(lambda _: on[0]))
    path.run(15)
    before = path.estimate.target
    path.source.sound, on[0] = 0, 0
    path.run(30)
    assert path.estimate.target == before
    on[0] = 500_000
    path.run(2)
    assert min(targets(path, 2)) >= before


def test_silence_of_the_receiver_while_we_send_backs_off() -> None:
    path = Path(Link(3_000_000), Source(steady(500_000)))
    path.run(10)
    before = path.estimate.target
    path.mute = True
    path.run(0.45)
    assert path.estimate.target >= before
    path.run(0.4)
    assert path.estimate.target <= 0.76 * before
    path.run(2)
    assert path.estimate.target < 0.4 * before
    path.mute = False
    path.run(15)
    assert path.estimate.target > 0.7 * before


def test_lost_feedback_is_no_lost_media() -> None:
    path = Path(Link(1_000_000), Source(elastic), wanted=wants(2_000_000), feedback_loss=0.2)
    path.run(30)
    assert path.estimate.loss == 0
    assert mean(targets(path, 20)) > 700_000


def test_a_longer_way_is_not_taken_for_a_queue_for_long() -> None:
    link = Link(2_000_000)
    path = Path(link, Source(elastic), wanted=wants(2_000_000))
    path.run(8)
    link.delay += 120_000
    path.run(8)
    assert min(targets(path, 7)) > 800_000
    assert mean(targets(path, 2)) > 1_400_000


def test_a_steady_neighbour_is_left_its_share() -> None:
    link = Link(1_500_000, cross=700_000)
    path = Path(link, Source(elastic), wanted=wants(2_000_000))
    path.run(30)
    assert 500_000 < mean(targets(path, 20)) < 850_000
    assert longest_standing(path, 25) < 150


@pytest.mark.parametrize("seed", range(4))
def test_a_greedy_neighbour_leaves_us_sound_and_the_lowest_layer(seed: int) -> None:
    link = Link(2_000_000, room=75_000, seed=seed)
    path = Path(link, Source(elastic, seed=seed + 10), wanted=wants(1_500_000))
    path.run(8)
    link.cross, link.greedy = 100_000, True
    path.run(60)
    assert min(targets(path, 40)) > SOUND
    assert mean(targets(path, 40)) > SOUND + 70_000


def test_an_announced_key_frame_is_not_taken_for_overuse() -> None:
    def largest_dip(announced: bool) -> float:
        path = Path(Link(1_000_000), Source(steady(500_000)), wanted=wants(900_000))
        path.run(10)
        before = path.estimate.target
        if announced:
            path.estimate.blind(path.now)
        for _ in range(38):
            path.send(1_100)
        path.run(1.5)
        return min(targets(path, 1.5)) / before

    assert largest_dip(announced=True) > 0.95
    assert largest_dip(announced=False) < 0.9


def test_a_receiver_without_feedback_is_believed_and_loss_takes_no_more_than_half() -> None:
    estimate = Estimate(0)
    estimate.heed_loss(0.5, 0)
    before = estimate.target
    estimate.heed_remb(1_000_000, 1_000_000)
    assert (before, estimate.target) == (START, 1_000_000)
    for second in range(2, 40):
        estimate.heed_loss(0.3, second * 1_000_000)
    assert estimate.target == 500_000
    for second in range(40, 80):
        estimate.heed_loss(0.0, second * 1_000_000)
    assert estimate.target == 1_000_000
    estimate.heed_remb(200_000, 90_000_000)
    assert estimate.target == 200_000


def test_one_estimate_is_small() -> None:
    assert not hasattr(Estimate(0), "__dict__")
