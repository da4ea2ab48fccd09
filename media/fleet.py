"""All relays of the server: which there are, which of them carries what, and what is lost with one that dies.

A server that has just started first waits for the relays that were there before it: a meeting is placed anew only when
they have told what they still hold.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from msgspec import Struct

from media import placement
from media.link import RelayDoor, RelayError, RelayLink
from media.messages import (
    EncodingsWatched,
    Heard,
    Inventory,
    Load,
    ProducerStarted,
    RelayMetrics,
    SlotsShow,
    TransportHealth,
)
from media.span import Span

log = logging.getLogger("nghisu.relay.fleet")
GATHERING = 2.0
"""Seconds after the first relay's return in which the others are awaited."""

N = TypeVar("N", bound=Struct)
T = TypeVar("T")
Heed = Callable[[N], Awaitable[None]]
Lost = Mapping[str, frozenset[str]]
"""Router → endpoints."""


async def _asked(
    ask: Callable[[RelayLink], Awaitable[T]], links: Iterable[RelayLink]
) -> list[tuple[RelayLink, T | None]]:
    """What every relay answers, in the order of their numbers; all are asked at once."""

    async def answer(link: RelayLink) -> tuple[RelayLink, T | None]:
        try:
            return link, await ask(link)
        except RelayError:
            return link, None

    return await asyncio.gather(*map(answer, sorted(links, key=lambda link: link.number)))


class Fleet:
    """``door`` is the namespace at which relays knock. ``expected``: how many this machine starts.

    ``on_returned`` is told that relays have come, and the routers that they hold; ``on_lost`` what was lost with a
    relay, after which ``available`` says whether another one is there.
    """

    def __init__(self, token: str, *, expected: int = 1, cap: int = placement.CAP) -> None:
        self.door = RelayDoor(token, on_inventory=self._returned, on_lost=self._gone, on_notice=self._told)
        self.on_returned: Callable[[Collection[str]], Awaitable[None]] | None = None
        self.on_lost: Callable[[Lost], Awaitable[None]] | None = None
        self.on_slots_show: Heed[SlotsShow] | None = None
        self.on_heard: Heed[Heard] | None = None
        self.on_producer_started: Heed[ProducerStarted] | None = None
        self.on_encodings_watched: Heed[EncodingsWatched] | None = None
        self.on_transport_health: Heed[TransportHealth] | None = None
        self._expected, self._cap = expected, cap
        self._links: dict[str, RelayLink] = {}
        self._spans: dict[str, Span] = {}
        self._gathered = self._heeding = False
        self._come: list[tuple[RelayLink, Inventory]] = []
        self._early: deque[tuple[RelayLink, Struct]] = deque()
        """What relays told before everything that they hold was taken over."""
        self._gathering: asyncio.Task[None] | None = None

    @property
    def available(self) -> bool:
        """Whether endpoints can be opened."""
        return self._gathered and bool(self._links)

    @property
    def relays(self) -> int:
        """How many relays are connected."""
        return len(self._links)

    def link(self, relay: str) -> RelayLink | None:
        return self._links.get(relay)

    def span(self, router: str) -> Span:
        """The router, on whichever relays."""
        span = self._spans.get(router)
        if span is None:
            span = self._spans[router] = Span(router, self)
        return span

    def place(self, held: Mapping[str, int]) -> str | None:
        return placement.place(self.standing(), held, self._cap) if self._gathered else None

    def standing(self) -> list[placement.Standing]:
        """What every relay carries, by number."""
        totals = dict.fromkeys(self._links, 0)
        for span in self._spans.values():
            for relay, count in span.held().items():
                totals[relay] = totals.get(relay, 0) + count
        made = [placement.Standing(id, link.number, totals[id], link.cpu) for id, link in self._links.items()]
        return sorted(made, key=lambda each: each.number)

    async def dump(self) -> list[dict[str, Any]]:
        """The state of every relay that answers, for operators (``docs/metrics.md``)."""
        told = await _asked(RelayLink.dump, self._links.values())
        return [dump | {"number": link.number} for link, dump in told if dump is not None]

    async def metrics(self) -> list[tuple[RelayLink, RelayMetrics | None]]:
        """Every relay in numbers; ``None`` for one that does not answer."""
        return await _asked(RelayLink.metrics, self._links.values())

    async def close(self) -> None:
        """Waits for nobody more."""
        if self._gathering is not None:
            self._gathering.cancel()
            await asyncio.wait([self._gathering])

    # -- What the door tells

    async def _returned(self, link: RelayLink, inventory: Inventory) -> None:
        before = self._links.pop(link.id, None)
        if before is not None:
            before.leave()
        self._links[link.id] = link
        log.info("relay %d (%s) is here with %d meetings", link.number, link.id, len(inventory.routers))
        if self._gathered:
            await self._admit([(link, inventory)])
            return
        self._come.append((link, inventory))
        if len(self._links) >= self._expected:
            await self._gather()
        elif self._gathering is None:
            self._gathering = asyncio.create_task(self._gather_late(), name="relays:gathering")

    async def _gone(self, link: RelayLink) -> None:
        if self._links.get(link.id) is not link:
            return
        del self._links[link.id]
        self._come = [(of, told) for of, told in self._come if of is not link]
        lost = {router: gone for router, span in self._spans.items() if (gone := span.lose(link.id))}
        log.warning("relay %d (%s) is gone, and with it media of %d meetings", link.number, link.id, len(lost))
        if self.on_lost:
            await self.on_lost(lost)

    async def _told(self, link: RelayLink, notice: Struct) -> None:
        if self._heeding:
            await self._heed(link, notice)
        else:
            self._early.append((link, notice))

    async def _heed(self, link: RelayLink, notice: Struct) -> None:
        if self._links.get(link.id) is not link:
            return
        match notice:
            case Load():
                link.cpu = notice.cpu
            case SlotsShow() if self.on_slots_show:
                await self.on_slots_show(notice)
            case Heard():
                if self.span(notice.router).heard(link.id, notice.endpoints) and self.on_heard:
                    await self.on_heard(notice)
            case ProducerStarted():
                own = self.span(notice.router).started(link.id, notice.endpoint, notice.producer)
                if own and self.on_producer_started:
                    await self.on_producer_started(notice)
            case EncodingsWatched():
                if self.span(notice.router).watched(link.id, notice) and self.on_encodings_watched:
                    await self.on_encodings_watched(notice)
            case TransportHealth() if self.on_transport_health:
                await self.on_transport_health(notice)
            case _:
                pass

    # --

    async def _gather_late(self) -> None:
        await asyncio.sleep(GATHERING)
        if not self._gathered and self._links:
            log.warning("%d of %d relays are here", len(self._links), self._expected)
            await self._gather()

    async def _gather(self) -> None:
        """Takes over all that the relays hold, then hears what they have told since."""
        self._gathered = True
        come, self._come = self._come, []
        try:
            await self._admit(come)
            while self._early:
                await self._heed(*self._early.popleft())
        finally:
            self._heeding = True

    async def _admit(self, come: list[tuple[RelayLink, Inventory]]) -> None:
        """Who holds most of a router comes first: it wins where two relays claim the same."""
        claims = [(len(router.endpoints), link, router) for link, told in come for router in told.routers]
        for _, link, router in sorted(claims, key=lambda claim: (-claim[0], claim[1].number)):
            self.span(router.id).hold(link.id, router)
        if self.on_returned:
            await self.on_returned({router.id for _, _, router in claims})
