"""One router over the relays that carry it: a relay's requests, each sent to where its endpoint lives.

A router on several relays is one through pipes: each relay is sent what its receivers need of the others'.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from media.link import RelayError, RelayLink, RelayUnavailable
from media.messages import (
    AskKeyFrame,
    CloseEndpoint,
    CloseProducer,
    CloseRouter,
    ConnectEndpoint,
    EncodingsWatched,
    EndpointOffer,
    IceParameters,
    Look,
    OpenEndpoint,
    ProducerInventory,
    Record,
    RestartIce,
    Route,
    RouterInventory,
    Source,
    StopRecord,
)
from media.needs import needs
from media.piping import Piping
from media.routing import Feed

log = logging.getLogger("nghisu.relay.span")
HASTE = 1.0
"""Seconds that the routes wait for pipes: a relay that is slow to answer does not hold up the others."""
NOTHING: Mapping[str, set[Feed]] = {}
T = TypeVar("T")


class Relays(Protocol):
    """The fleet, as a span sees it."""

    @property
    def available(self) -> bool: ...

    def link(self, relay: str) -> RelayLink | None: ...

    def place(self, held: Mapping[str, int]) -> str | None:
        """The relay for one more endpoint of a router of which ``held`` endpoints live on each relay."""
        ...


class Span:
    """``homes``: endpoint → relay. ``producers``: what each endpoint is known to send. ``on_change`` is called when
    ``route`` should be called again, with whatever wish there is then.

    Every request raises ``RelayUnavailable`` or ``RelayRefused``.
    """

    def __init__(self, router: str, relays: Relays) -> None:
        self.router = router
        self.homes: dict[str, str] = {}
        self.producers: dict[str, dict[Source, ProducerInventory]] = {}
        self._relays = relays
        self._routed: dict[str, Route] = {}
        self._looked: dict[str, Look] = {}
        self._records: dict[str, str] = {}
        self._heard: dict[str, tuple[str, ...]] = {}
        self._piping = Piping(router, relays.link)
        self._again: asyncio.TimerHandle | None = None
        self.on_change: Callable[[], None] = _ignore

    @property
    def available(self) -> bool:
        """Whether an endpoint can be opened: a relay is there, and those that were there before have returned."""
        return self._relays.available

    # -- What is asked of a relay

    async def open_endpoint(self, wish: OpenEndpoint) -> EndpointOffer:
        """On the relay that the placement chooses; on another one if that is lost meanwhile."""
        while True:
            relay = self.homes.get(wish.endpoint) or self._relays.place(self.held())
            link = self._relays.link(relay) if relay else None
            if relay is None or link is None:
                raise RelayUnavailable("open_endpoint")
            self.homes[wish.endpoint] = relay
            try:
                return await link.open_endpoint(wish)
            except RelayError:
                self._forget(wish.endpoint)
                if self._relays.link(relay) is not None:
                    raise

    async def connect_endpoint(self, wish: ConnectEndpoint) -> None:
        await self._at(wish.endpoint, lambda link: link.connect_endpoint(wish))

    async def restart_ice(self, wish: RestartIce) -> IceParameters:
        return await self._at(wish.endpoint, lambda link: link.restart_ice(wish))

    async def close_producer(self, wish: CloseProducer) -> None:
        self.producers.get(wish.endpoint, {}).pop(wish.source, None)
        await self._at(wish.endpoint, lambda link: link.close_producer(wish))

    async def close_endpoint(self, wish: CloseEndpoint) -> None:
        """A relay that holds no more of the router is told to close it."""
        relay = self.homes.get(wish.endpoint)
        self._forget(wish.endpoint)
        link = self._relays.link(relay) if relay else None
        if relay is None or link is None:
            raise RelayUnavailable("close_endpoint")
        await link.close_endpoint(wish)
        if relay not in self.homes.values():
            self._routed.pop(relay, None)
            await link.close_router(CloseRouter(self.router))

    async def route(self, wish: Route) -> None:
        """Pipes what relays need of each other, then tells every relay that has not heard this wish yet, so that a
        picture of another relay is on its way before a slot is to show it."""
        failed: list[BaseException] = []
        try:
            async with asyncio.timeout(HASTE):
                await self._pipe(wish)
        except (RelayError, TimeoutError) as error:
            failed.append(error)
        told = await asyncio.gather(
            *(self._route_at(relay, wish) for relay in set(self.homes.values())), return_exceptions=True
        )
        failed += [error for error in told if error is not None]
        if failed:
            raise failed[0]

    async def look(self, wish: Look) -> None:
        """Tells the endpoint's relay, if it has not heard this wish yet."""
        if self._looked.get(wish.endpoint) != wish:
            await self._at(wish.endpoint, lambda link: link.look(wish))
            self._looked[wish.endpoint] = wish
            if len(self.held()) > 1:
                self.on_change()

    async def record(self, wish: Record) -> None:
        relay = self.homes.get(wish.endpoint)
        if relay is not None:
            self._records[wish.record_id] = relay
        await self._at(wish.endpoint, lambda link: link.record(wish))

    async def stop_record(self, wish: StopRecord) -> None:
        relay = self._records.pop(wish.record_id, None)
        links = [self._relays.link(each) for each in ({relay} if relay else set(self.homes.values()))]
        if None in links:
            raise RelayUnavailable("stop_record")
        for link in links:
            if link is not None:
                await link.stop_record(wish)

    async def ask_key_frame(self, wish: AskKeyFrame) -> None:
        await self._at(wish.endpoint, lambda link: link.ask_key_frame(wish))

    # -- What the fleet tells

    def held(self) -> Counter[str]:
        """How many endpoints live on each relay."""
        return Counter(self.homes.values())

    def hold(self, relay: str, inventory: RouterInventory) -> None:
        """A relay that has just come holds this much of the router."""
        self._routed.pop(relay, None)
        for endpoint in inventory.endpoints:
            self.homes[endpoint.id] = relay
            self._looked.pop(endpoint.id, None)
            self.producers[endpoint.id] = {producer.source: producer for producer in endpoint.producers}
        self._records.update(dict.fromkeys(inventory.records, relay))
        for pipe in inventory.pipes:
            self._piping.adopt(relay, pipe)

    def lose(self, relay: str) -> frozenset[str]:
        """A relay is gone. Returns the endpoints that are gone with it."""
        lost = frozenset(endpoint for endpoint, home in self.homes.items() if home == relay)
        for endpoint in lost:
            self._forget(endpoint)
        self._routed.pop(relay, None)
        self._heard.pop(relay, None)
        self._piping.lose(relay)
        self._records = {record: home for record, home in self._records.items() if home != relay}
        return lost

    def started(self, relay: str, endpoint: str, producer: ProducerInventory) -> bool:
        """A producer's first packet has come to a relay. Returns whether it is the relay of its endpoint: to others
        it is piped."""
        if self.homes.get(endpoint) != relay:
            return False
        self.producers.setdefault(endpoint, {})[producer.source] = producer
        self._piping.renewed(endpoint, producer.source)
        return True

    def watched(self, relay: str, notice: EncodingsWatched) -> bool:
        """Which encodings of a producer a relay takes. Returns whether it is the relay of the endpoint; what another
        relay takes decides what is piped to it."""
        if self.homes.get(notice.endpoint) == relay:
            return True
        if self._piping.watched(relay, notice.endpoint, notice.source, notice.rids):
            self.on_change()
        return False

    def heard(self, relay: str, endpoints: tuple[str, ...]) -> bool:
        """Who is heard at a relay has changed. Returns whether it is the relay whose word counts for the meeting: the
        one with most endpoints, to which the voices of all others are piped."""
        before, self._heard[relay] = self._own(relay), endpoints
        held = self.held()
        if len(held) > 1 and before != self._own(relay):
            self.on_change()
        return relay == max(held, key=lambda each: (held[each], each), default=relay)

    # --

    def _own(self, relay: str) -> set[str]:
        """Who is heard at a relay and lives there."""
        return {endpoint for endpoint in self._heard.get(relay, ()) if self.homes.get(endpoint) == relay}

    async def _route_at(self, relay: str, wish: Route) -> None:
        link = self._relays.link(relay)
        if link is not None and self._routed.get(relay) != wish:
            await link.route(wish)
            self._routed[relay] = wish

    async def _pipe(self, wish: Route) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
        loop = asyncio.get_running_loop()
        spread = len(set(self.homes.values())) > 1
        wanted = needs(wish, self.homes, self.producers, self._heard, self._looked) if spread else NOTHING
        again = await self._piping.follow(wanted, self.homes, self.producers, loop.time())
        if again is not None:
            self._again = loop.call_at(again, self.on_change)

    def _forget(self, endpoint: str) -> None:
        self.homes.pop(endpoint, None)
        self.producers.pop(endpoint, None)
        self._looked.pop(endpoint, None)

    async def _at(self, endpoint: str, ask: Callable[[RelayLink], Awaitable[T]]) -> T:
        link = self._relays.link(self.homes.get(endpoint, ""))
        if link is None:
            raise RelayUnavailable(endpoint)
        return await ask(link)


def _ignore() -> None:
    """Nobody routes this router."""
