"""Who is shown where, as tables: a wish, who sends what, and the plan for one receiver."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from media.messages import SLOTS, Look, Route, Source
from media.routing import Feed, Outline, keep_places

ALL: set[Source] = {"microphone", "camera"}
FIVE: dict[str, set[Source]] = dict.fromkeys(("chair", "an", "binh", "chi", "dung"), ALL)
STRIP = ("chair", "an", "binh", "chi", "dung", "em")


def wish(
    stage: str | None = "an",
    *,
    source: Source = "camera",
    tiles: tuple[str, ...] = STRIP,
    muted: tuple[str, ...] = (),
) -> Route:
    return Route("m", stage, source, tiles, muted)


@dataclass
class Case:
    route: Route
    receiver: str
    shows: dict[str, str]
    live: dict[str, set[Source]] = field(default_factory=lambda: FIVE)
    loudest: tuple[str, ...] = ("chair", "an", "binh", "chi", "dung")
    before: dict[str, str | None] = field(default_factory=dict)
    look: Look | None = None


CASES = {
    "a receiver sees the stage, hears it and the two loudest others, and has the strip without the stage": Case(
        wish(),
        "binh",
        {
            "stage-video": "an camera",
            "stage-audio": "an microphone",
            "audio-1": "chair microphone",
            "audio-2": "chi microphone",
            "tile-1": "chair camera",
            "tile-2": "chi camera",
            "tile-3": "dung camera",
        },
    ),
    "the stage itself sees no stage and hears the two loudest others": Case(
        wish(),
        "an",
        {
            "audio-1": "chair microphone",
            "audio-2": "binh microphone",
            "tile-1": "chair camera",
            "tile-2": "binh camera",
            "tile-3": "chi camera",
            "tile-4": "dung camera",
        },
    ),
    "without a stage the two loudest are heard": Case(
        wish(None, tiles=()), "dung", {"audio-1": "chair microphone", "audio-2": "an microphone"}
    ),
    "nobody hears itself, however loud": Case(
        wish(None, tiles=()), "chair", {"audio-1": "an microphone", "audio-2": "binh microphone"}
    ),
    "a screen on the stage leaves its site in the strip, and its own microphone on the stage": Case(
        wish(source="screen", tiles=("an", "chi")),
        "binh",
        {
            "stage-video": "an screen",
            "stage-audio": "an microphone",
            "audio-1": "chair microphone",
            "audio-2": "chi microphone",
            "tile-1": "an camera",
            "tile-2": "chi camera",
        },
        live={**FIVE, "an": {"microphone", "camera", "screen"}},
    ),
    "a screen that is not sent leaves the stage empty": Case(
        wish(source="screen", tiles=()),
        "binh",
        {"stage-audio": "an microphone", "audio-1": "chair microphone", "audio-2": "chi microphone"},
    ),
    "a muted stage is seen and not heard": Case(
        wish(tiles=(), muted=("an",)),
        "binh",
        {"stage-video": "an camera", "audio-1": "chair microphone", "audio-2": "chi microphone"},
    ),
    "the muted are never among the loudest": Case(
        wish(None, tiles=(), muted=("chair", "an", "binh", "dung")), "em", {"audio-1": "chi microphone"}
    ),
    "who sends no camera has no tile, who sends no microphone is not heard": Case(
        wish(None),
        "em",
        {"audio-1": "chi microphone", "tile-1": "binh camera"},
        live={"binh": {"camera"}, "chi": {"microphone"}},
    ),
    "a receiver's own order is taken for its tiles": Case(
        wish(muted=STRIP),
        "dung",
        {"stage-video": "an camera", "tile-1": "chi camera", "tile-2": "binh camera"},
        look=Look("m", "dung", ("chi", "binh", "dung", "an", "chi")),
    ),
    "who shows no strip and no stage is sent no picture": Case(
        wish(muted=("chair",)),
        "dung",
        {"stage-audio": "an microphone", "audio-1": "binh microphone", "audio-2": "chi microphone"},
        look=Look("m", "dung", stage_height=0, tile_height=0),
    ),
    "who is named twice has one tile": Case(
        wish(None, tiles=("an", "an", "binh"), muted=STRIP), "em", {"tile-1": "an camera", "tile-2": "binh camera"}
    ),
    "those who stay keep their slots, who comes takes a free one": Case(
        wish(None, tiles=("dung", "chi", "binh"), muted=STRIP),
        "em",
        {"tile-1": "dung camera", "tile-2": "binh camera", "tile-3": "chi camera"},
        before={"tile-1": "an", "tile-2": "binh", "tile-3": "chi"},
    ),
    "a loud one takes the slot of the quieter one and leaves the other's alone": Case(
        wish(None, tiles=()),
        "em",
        {"audio-1": "binh microphone", "audio-2": "chi microphone"},
        loudest=("chi", "binh", "an"),
        before={"audio-1": "an", "audio-2": "chi"},
    ),
    "the stage leaves the audio slot that it had": Case(
        wish("an", tiles=()),
        "em",
        {
            "stage-video": "an camera",
            "stage-audio": "an microphone",
            "audio-1": "chair microphone",
            "audio-2": "binh microphone",
        },
        before={"audio-1": "an", "audio-2": "binh"},
    ),
    "nobody is there": Case(wish(), "an", {}, live={}, loudest=()),
}


@pytest.mark.parametrize("name", CASES)
def test_plan(name: str) -> None:
    case = CASES[name]
    made = Outline(case.route, case.live, case.loudest).plan(case.receiver, case.before, case.look)
    assert set(made) == {slot for slot, _ in SLOTS}
    expected = {slot: Feed(*shown.split()) for slot, shown in case.shows.items()}  # pyright: ignore[reportArgumentType]
    assert {slot: feed for slot, feed in made.items() if feed is not None} == expected


def test_a_plan_made_twice_is_the_same() -> None:
    first = Outline(wish(), FIVE, ("chi", "an")).plan("binh", {})
    places = {slot: feed.endpoint if feed else None for slot, feed in first.items()}
    assert Outline(wish(), FIVE, ("an", "chi")).plan("binh", places) == first


def test_no_more_are_placed_than_there_are_slots() -> None:
    assert keep_places(("a", "b"), ("1", "2", "3"), {"b": "3", "a": "2"}) == {"a": "2", "b": "1"}
