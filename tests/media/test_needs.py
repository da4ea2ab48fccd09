"""What each relay of a meeting must be sent by the others."""

from __future__ import annotations

from media.messages import Look, Route, Source
from media.needs import needs
from media.routing import Feed

ALL: tuple[Source, ...] = ("camera", "microphone")
HOMES = {f"a{place}": "A" for place in range(7)} | {"b0": "B", "b1": "B"}
LIVE = {endpoint: ALL for endpoint in HOMES if endpoint != "b1"}


def cameras(*endpoints: str) -> set[Feed]:
    return {Feed(endpoint, "camera") for endpoint in endpoints}


def voices(*endpoints: str) -> set[Feed]:
    return {Feed(endpoint, "microphone") for endpoint in endpoints}


def route(stage: str | None = None, *tiles: str, muted: tuple[str, ...] = ()) -> Route:
    return Route("m", stage, "camera", tiles, muted)


def test_a_meeting_on_one_relay_needs_nothing_of_others() -> None:
    homes = dict.fromkeys(HOMES, "A")
    assert needs(route("a0", "a1", "a2"), homes, LIVE, {"A": ("a1",)}, {}) == {"A": set()}


def test_the_stage_and_four_tiles_are_sent_once_to_each_other_relay() -> None:
    found = needs(route("a0", "a1", "a2", "a3", "a4", "a5", "a6"), HOMES, LIVE, {}, {})
    assert found == {"A": set(), "B": cameras("a0", "a1", "a2", "a3", "a4") | voices("a0")}


def test_who_is_a_tile_itself_sees_one_more() -> None:
    found = needs(route("a0", "b0", "a1", "a2", "a3", "a4", "a5"), HOMES, LIVE, {}, {})
    assert found["B"] == cameras("a0", "a1", "a2", "a3", "a4") | voices("a0"), "b0 sees a4 in place of itself"
    assert found["A"] == cameras("b0")


def test_the_loudest_of_each_relay_are_heard_on_the_others() -> None:
    found = needs(route("a0"), HOMES, LIVE, {"A": ("a3", "b0"), "B": ("b0", "a3")}, {})
    assert found == {"A": voices("b0"), "B": cameras("a0") | voices("a0", "a3")}


def test_a_muted_stage_is_piped_so_that_its_first_word_is_heard_but_no_other_muted_voice() -> None:
    found = needs(route("a0", muted=("a0", "a3")), HOMES, LIVE, {"A": ("a3",)}, {})
    assert found["B"] == cameras("a0") | voices("a0")


def test_who_asked_for_others_is_sent_them() -> None:
    looks = {"b1": Look("m", "b1", ("a6", "a5")), "b0": Look("m", "b0", ("a4",), tile_height=0)}
    found = needs(route(None, "a1"), HOMES, LIVE, {}, looks)
    assert found == {"A": set(), "B": cameras("a1", "a6", "a5")}, "and b0, who shows no tiles, is sent none"


def test_what_is_not_sent_is_not_needed() -> None:
    live: dict[str, tuple[Source, ...]] = {"a0": ("microphone",), "b0": ()}
    assert needs(route("a0", "a1", "b0"), HOMES, live, {"A": ("a2",)}, {}) == {"A": set(), "B": voices("a0")}


def test_who_is_gone_is_not_needed() -> None:
    homes = {"b0": "B", "a1": "A"}
    assert needs(route("a0", "a1"), homes, LIVE, {"A": ("a0",)}, {}) == {"A": set(), "B": cameras("a1")}
