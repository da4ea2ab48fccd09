"""Figures follow from samples: each story is a list of quarter seconds."""

from __future__ import annotations

from typing import Any

import pytest

from bench.networks import figures
from bench.networks.report import FIGURES, missed
from bench.networks.samples import Sample, samples
from bench.networks.table import CASES, QUICK
from tests.net.line import Line, ruleset

COUNTERS = {
    "framesDecoded": 0,
    "frameWidth": 640,
    "frameHeight": 360,
    "freezeCount": 0,
    "totalFreezesDuration": 0.0,
    "bytesReceived": 0,
    "concealedSamples": 0,
    "silentConcealedSamples": 0,
    "totalSamplesReceived": 0,
    "jitterBufferDelay": 0.0,
    "jitterBufferEmittedCount": 0,
    "nackCount": 0,
    "pliCount": 0,
}


def at(quarter: int, frames: int | None, *, site: str = "a", number: int | None = None, **counters: Any) -> Sample:
    """The stage after so many quarter seconds; ``frames`` ``None``: there are no media."""
    stage = {**COUNTERS, "site": site, "framesDecoded": frames, **counters}
    taken: dict[str, Any] = {
        "at": 250.0 * quarter,
        "slots": {} if frames is None else {"stage-video": stage},
        "sent": [],
        "way": None,
        "trip": None,
        "number": number,
        "own": None,
    }
    return samples([taken])[0]


def moving(begin: int, end: int, *, frames: int = 0, **counters: Any) -> list[Sample]:
    """Five new frames in each quarter."""
    return [at(q, frames + 5 * (n + 1), **counters) for n, q in enumerate(range(begin, end))]


def test_a_picture_that_moves_is_never_frozen() -> None:
    assert figures.freezes(moving(0, 40), 10_000) == []


def test_a_freeze_is_what_the_browser_counted_and_ends_when_it_was_counted() -> None:
    taken = [*moving(0, 8), at(8, 41, freezeCount=1, totalFreezesDuration=0.4)]
    taken += moving(9, 12, frames=41, freezeCount=1, totalFreezesDuration=0.4)
    (freeze,) = figures.freezes(taken, 3_000)
    assert (freeze.begin, freeze.end) == (1_600, 2_000)


def test_a_long_freeze_is_one_although_browser_and_frames_both_tell_of_it() -> None:
    taken = moving(0, 8) + [at(q, 40) for q in range(8, 20)]
    taken += moving(20, 24, frames=40, freezeCount=1, totalFreezesDuration=3.2)
    (freeze,) = figures.freezes(taken, 5_750)
    assert freeze.seconds == pytest.approx(3.25, abs=0.01)


def test_a_freeze_that_never_ends_lasts_until_the_end() -> None:
    (freeze,) = figures.freezes(moving(0, 8) + [at(q, 40) for q in range(8, 20)], 5_000)
    assert (freeze.begin, freeze.end) == (1_750, 5_000)


def test_a_picture_that_comes_and_never_moves_is_frozen_from_its_first_moment() -> None:
    (freeze,) = figures.freezes([at(q, 1) for q in range(4, 20)], 5_000)
    assert (freeze.begin, freeze.end) == (1_000, 5_000)


def test_a_stage_without_a_source_is_not_frozen() -> None:
    empty = [at(q, 40, site="") for q in range(12, 20)]
    taken = moving(0, 8) + [at(q, 40) for q in range(8, 12)] + empty + moving(20, 30, frames=40)
    (freeze,) = figures.freezes(taken, 7_250)
    assert (freeze.begin, freeze.end) == (1_750, 3_000)
    assert figures.empty(taken, 7_250) == 2


def test_media_that_are_made_anew_count_as_frozen_until_they_move() -> None:
    taken = moving(0, 8) + [at(q, None) for q in range(8, 20)] + moving(20, 30)
    (freeze,) = figures.freezes(taken, 7_250)
    assert freeze.seconds >= 3


def test_counters_that_begin_again_are_not_taken_for_a_loss() -> None:
    taken = moving(0, 4, bytesReceived=1_000_000) + moving(4, 9, bytesReceived=20_000)
    assert figures.bitrate(taken) == pytest.approx(20_000 * 8 / 2)


def test_a_layer_is_reached_when_it_moves_and_is_held() -> None:
    taken = moving(0, 8, frameHeight=180) + moving(8, 10, frames=40, frameHeight=720)
    taken += moving(10, 20, frames=50, frameHeight=360) + moving(20, 40, frames=100, frameHeight=720)
    assert figures.held_from(taken, 720, 0) == 5_000
    assert figures.held_from(taken, 360, 0) == 2_000
    assert figures.held_from([at(q, 40, frameHeight=720) for q in range(40)], 720, 0) is None
    assert figures.held_from(taken[:24], 720, 0) is None


def test_the_first_picture_is_the_first_that_came_after_the_click() -> None:
    assert figures.first_picture([at(q, 0) for q in range(4)] + moving(4, 8), 250) == 1_000
    stays = [at(q, 90) for q in range(6)]
    assert figures.first_picture([*stays, *moving(6, 8, frames=90)], 500) == 1_500
    assert figures.first_picture([*stays, at(6, 3)], 500) == 1_500
    assert figures.first_picture(stays, 500) is None


def test_silence_is_not_made_up_sound() -> None:
    def sound(quarter: int, **counters: Any) -> Sample:
        sample = at(quarter, 0)
        return Sample(sample.at, {"stage-audio": at(quarter, 0, **counters).slots["stage-video"]}, [], *[None] * 4)

    taken = [
        sound(0, totalSamplesReceived=1_000),
        sound(1, totalSamplesReceived=13_000, concealedSamples=3_000, silentConcealedSamples=2_400),
    ]
    assert figures.concealed(taken) == pytest.approx(0.05)
    assert figures.concealed(moving(0, 4)) is None


def test_the_delay_is_read_from_the_number_in_the_picture_across_the_end_of_the_loop() -> None:
    sent = [Sample(250.0 * q, {}, [], None, None, None, round(7.5 * q) % 120) for q in range(16)]
    received = [at(n, n, number=(round(7.5 * n) - 6) % 120) for n in range(1, 16)]
    delays = figures.delays([*received, at(17, 15, number=30)], sent, rate=30, frames=120)
    assert len(delays) == 14, "neither the first, of which nothing came before, nor the picture that stands still"
    assert all(abs(delay - 0.2) < 0.02 for delay in delays)


def test_every_second_has_its_height_and_frames() -> None:
    assert [row[:3] for row in figures.over_time(moving(0, 12), 0)] == [(0, 360, 15), (1, 360, 20), (2, 360, 20)]


def test_cases_have_names_of_their_own_and_changes_in_order() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    for case in (*CASES, *QUICK):
        assert [moment for moment, _ in case.changes] == sorted(moment for moment, _ in case.changes)
        assert "receiver" in case.sides, "the chair of the first case opens the meeting"


def test_a_figure_that_is_too_large_or_missing_is_missed() -> None:
    (drop,) = [case for case in CASES if case.name == "drop"]
    assert missed(drop, {"longest_late_s": 0.9, "back_after_s": 8.0}) == ""
    assert missed(drop, {"longest_late_s": 1.2, "back_after_s": None}) == "longest_late_s, back_after_s"
    assert {name for case in CASES for name in case.at_most} <= set(FIGURES)


def test_a_ruleset_judges_each_packet_once_and_replaces_the_one_before() -> None:
    text = ruleset(Line(loss=0.03, delay_ms=5))
    assert text.count("numgen random mod 100000 < 3000") == 2
    assert "delete table inet line" in text
    assert "drop" not in ruleset(Line(rate=250_000, delay_ms=5))
