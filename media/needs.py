"""What each relay of a router must be sent by the others. Pure: the wish and who lives where go in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from media.messages import Look, Route, Source
from media.routing import Feed, Outline

NOBODY = ""
"""The name of a receiver that sends nothing: whose slots are like most others'."""


def needs(
    route: Route,
    homes: Mapping[str, str],
    live: Mapping[str, Collection[Source]],
    heard: Mapping[str, Iterable[str]],
    looks: Mapping[str, Look],
) -> dict[str, set[Feed]]:
    """Relay → producers of other relays that some receiver there is to see or hear.

    ``homes``: endpoint → relay. ``live``: endpoint → what it sends. ``heard``: relay → who is heard there. ``looks``:
    what those receivers look at that told it. The stage's sound is needed even while it is muted, so that its first
    word is not lost.
    """
    voices = {
        Feed(endpoint, "microphone")
        for relay, endpoints in heard.items()
        for endpoint in endpoints
        if homes.get(endpoint) == relay and endpoint not in route.muted and "microphone" in live.get(endpoint, ())
    }
    outline = Outline(route, live, ())
    common = {*voices, *_seen(outline, NOBODY)}
    if route.stage is not None and "microphone" in live.get(route.stage, ()):
        common.add(Feed(route.stage, "microphone"))
    made = {relay: set(common) for relay in homes.values()}
    for receiver in {feed.endpoint for feed in common} | {id for id, look in looks.items() if look.tiles}:
        if receiver in homes:
            made[homes[receiver]].update(_seen(outline, receiver, looks.get(receiver)))
    return {
        relay: {feed for feed in feeds if homes.get(feed.endpoint, relay) != relay} for relay, feeds in made.items()
    }


def _seen(outline: Outline, receiver: str, look: Look | None = None) -> Iterator[Feed]:
    for feed in outline.plan(receiver, {}, look).values():
        if feed is not None:
            yield feed
