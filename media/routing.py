"""Who is shown in which slot of whom. Pure: the wish, who sends what, and who is loud go in; the plan comes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from media.messages import SLOTS, Look, Route, Source

STAGE_VIDEO, STAGE_AUDIO = "stage-video", "stage-audio"
FURTHER_AUDIO = ("audio-1", "audio-2")
NAMES = tuple(name for name, _ in SLOTS)
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


class Outline:
    """What is the same for all receivers of a router, worked out once: who is on the stage, heard and seen.

    ``loudest``: endpoints by loudness, loudest first.
    """

    def __init__(self, route: Route, live: Live, loudest: Sequence[str]) -> None:
        self._stage = route.stage
        self._live = live
        muted = set(route.muted)
        stage = route.stage
        on_stage: Collection[Source] = live.get(stage, ()) if stage is not None else ()
        self._video = Feed(stage, route.stage_source) if stage is not None and route.stage_source in on_stage else None
        speaks = "microphone" in on_stage and stage not in muted
        self._audio = Feed(stage, "microphone") if stage is not None and speaks else None
        self._stage_site = site_of(stage) if stage is not None else None
        self._hidden = stage if route.stage_source == "camera" else None
        self._heard = [
            endpoint
            for endpoint in loudest
            if endpoint != stage and endpoint not in muted and "microphone" in live.get(endpoint, ())
        ][: len(FURTHER_AUDIO) + 2]
        self._seen = self._visible(route.tiles)

    def plan(self, receiver: str, before: Mapping[str, str | None], look: Look | None = None) -> Plan:
        """The plan for one receiver. ``before``: whom each slot was to show until now; who stays among the chosen stays
        in the same slot. Nobody is shown by itself, nobody is heard by its own site, and nobody muted is heard."""
        made: Plan = dict.fromkeys(NAMES, None)
        mine = site_of(receiver)
        if receiver != self._stage:
            made[STAGE_VIDEO] = self._video if look is None or look.stage_height else None
            if mine != self._stage_site:
                made[STAGE_AUDIO] = self._audio
        heard = [endpoint for endpoint in self._heard if site_of(endpoint) != mine]
        for slot, endpoint in keep_places(FURTHER_AUDIO, heard, before).items():
            made[slot] = Feed(endpoint, "microphone")
        hidden = self._hidden if receiver != self._stage else None
        if look is not None and not look.tile_height:
            return made
        seen = self._visible(look.tiles) if look is not None and look.tiles else self._seen
        seen = [endpoint for endpoint in seen if endpoint not in (receiver, hidden)]
        for slot, endpoint in keep_places(TILES, seen, before).items():
            made[slot] = Feed(endpoint, "camera")
        return made

    def _visible(self, order: Sequence[str]) -> list[str]:
        """The first of the order who send a picture: as many as the tiles, the receiver and the stage."""
        visible = (endpoint for endpoint in dict.fromkeys(order) if "camera" in self._live.get(endpoint, ()))
        return list(islice(visible, len(TILES) + 2))


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
