"""Who is shown in which slot of whom. Pure: the wish, who sends what, and who is loud go in; the plan comes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from media.messages import SLOTS, Route, Source

STAGE_VIDEO, STAGE_AUDIO = "stage-video", "stage-audio"
FURTHER_AUDIO = ("audio-1", "audio-2")
TILES = tuple(name for name, _ in SLOTS if name.startswith("tile-"))

Live = Mapping[str, Collection[Source]]
"""Endpoint → what it sends at this moment."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One producer, by its endpoint and source."""

    endpoint: str
    source: Source


Plan = dict[str, Feed | None]
"""Slot name → what it should carry; every slot is named."""


def plan(route: Route, live: Live, loudest: Sequence[str], receiver: str, before: Mapping[str, str | None]) -> Plan:
    """The plan for one receiver.

    ``loudest``: endpoints by loudness, loudest first. ``before``: whom each slot was to show until now; who stays
    among the chosen stays in the same slot. Nobody is shown by itself, nobody is heard by its own site, and nobody
    muted is heard.
    """
    muted, mine = set(route.muted), site_of(receiver)
    made: Plan = dict.fromkeys((name for name, _ in SLOTS), None)
    stage = route.stage if route.stage != receiver else None
    if stage is not None:
        if route.stage_source in live.get(stage, ()):
            made[STAGE_VIDEO] = Feed(stage, route.stage_source)
        if "microphone" in live.get(stage, ()) and stage not in muted and site_of(stage) != mine:
            made[STAGE_AUDIO] = Feed(stage, "microphone")
    heard = [
        endpoint
        for endpoint in loudest
        if endpoint not in (receiver, route.stage, *muted) and "microphone" in live.get(endpoint, ())
    ]
    heard = [endpoint for endpoint in heard[: len(FURTHER_AUDIO) + 2] if site_of(endpoint) != mine]
    for slot, endpoint in keep_places(FURTHER_AUDIO, heard, before).items():
        made[slot] = Feed(endpoint, "microphone")
    on_stage = stage if route.stage_source == "camera" else None
    order = route.watch.get(receiver) or route.tiles
    seen = [
        endpoint
        for endpoint in dict.fromkeys(order)
        if endpoint not in (receiver, on_stage) and "camera" in live.get(endpoint, ())
    ]
    for slot, endpoint in keep_places(TILES, seen, before).items():
        made[slot] = Feed(endpoint, "camera")
    return made


def site_of(endpoint: str) -> str:
    """An endpoint is named ``<site>.<anything>``. Endpoints of one site may be in one room, where they would echo."""
    return endpoint.partition(".")[0]


def keep_places(slots: Sequence[str], order: Sequence[str], before: Mapping[str, str | None]) -> dict[str, str]:
    """Gives the first of ``order`` a slot each: the slot they had, else the first free one."""
    chosen = list(order[: len(slots)])
    places = {slot: endpoint for slot in slots if (endpoint := before.get(slot)) is not None and endpoint in chosen}
    free = iter(slot for slot in slots if slot not in places)
    placed = set(places.values())
    for endpoint in chosen:
        if endpoint not in placed:
            places[next(free)] = endpoint
    return places
