"""Keeps relay and recorder in step with the Room: what should be is compared with what was asked, and asked again.

Level-triggered: every change, and every return of relay or recorder, leads to the same comparison, so that a lost
request or a killed process is mended by the next round (``house.md``: commands are idempotent under our ids).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Mapping

from media.link import RelayError, RelayUnavailable
from media.messages import (
    CloseEndpoint,
    CloseProducer,
    ConnectEndpoint,
    Look,
    NewProducer,
    OpenEndpoint,
    RestartIce,
    Route,
    Source,
)
from media.span import Span
from meetings.errors import Unavailable
from signaling import protocol as p
from signaling.ports import Recorder
from signaling.room import Room

log = logging.getLogger("nghisu.conductor")
RETRY = 1.0
PAUSE = 0.03
"""Seconds between two rounds: what changes within them is one change."""


def site_of(endpoint: str) -> str:
    """An endpoint is named ``<site>.<random>``."""
    return endpoint.partition(".")[0]


def is_aside(endpoint: str) -> bool:
    """Whether this is a player's, which has no seat (``signaling.doors``)."""
    return endpoint.partition(".")[2].startswith("whep-")


def _ignore() -> None:
    """Nobody waits for media."""


class Conductor:
    """The media of one meeting. ``endpoints`` maps a site to the endpoint that its browser holds now."""

    def __init__(self, meeting: str, relay: Span, recorder: Recorder) -> None:
        self.meeting = meeting
        self.endpoints: dict[str, str] = {}
        self.shows: dict[str, dict[str, str | None]] = {}
        """What each endpoint's slots show, as the relay last told."""
        self.encodings: dict[str, dict[Source, tuple[str, ...]]] = {}
        """Which encodings of each endpoint's videos are watched, as the relay last told."""
        self.on_late: Callable[[], None] = _ignore
        """Called a while after a relay that is here did not answer: it may do so now."""
        self._relay, self._recorder = relay, recorder
        self._without: set[str] = set()
        """Sites that were told that there is no media yet."""
        self._strays: set[str] = set()
        """Endpoints that a relay still holds and no site wants."""
        self._looks: dict[str, p.Look] = {}
        """What each endpoint looks at."""
        self._room = Room()
        self._recording: str | None = None
        self._tracks: set[tuple[str, Source]] = set()
        self._changed = asyncio.Event()
        relay.on_change = self._changed.set

    # -- Calls of one browser

    async def offer(
        self,
        site: str,
        *,
        send: bool,
        rtp_capabilities: p.MediaParameters,
        endpoint: str | None = None,
        slots: tuple[str, ...] | None = None,
    ) -> p.MediaOffer | None:
        """New media for a site, in place of what it had; ``None`` while no relay is there.

        ``endpoint`` and ``slots`` are for who comes by another door than a browser's (``signaling.doors``).
        """
        await self.drop(site)
        if not self._relay.available:
            self._without.add(site)
            return None
        endpoint = self.endpoints[site] = endpoint or f"{site}.{secrets.token_hex(4)}"
        try:
            made = await self._relay.open_endpoint(OpenEndpoint(self.meeting, endpoint, send, rtp_capabilities, slots))
        except RelayError as error:
            log.warning("no media for %s: %s", site, error)
            if self.endpoints.get(site) == endpoint:
                del self.endpoints[site]
            self._without.add(site)
            if isinstance(error, RelayUnavailable):
                asyncio.get_running_loop().call_later(RETRY, self.on_late)
            return None
        self._changed.set()
        if self.endpoints.get(site) != endpoint:
            self._strays.add(endpoint)
            return None
        self._without.discard(site)
        return p.MediaOffer(
            endpoint=endpoint,
            router_rtp_capabilities=made.router_rtp_capabilities,
            send=made.send,
            receive=made.receive,
            slots=tuple(
                p.SlotOffer(slot.name, slot.id, slot.producer_id, slot.kind, slot.rtp_parameters) for slot in made.slots
            ),
            shows=self.sites_shown(made.shows),
        )

    def keeps(self, site: str, endpoint: str | None) -> bool:
        """Whether the site may keep its media: a relay has them, or will say on its return that it has not."""
        if endpoint is None or site_of(endpoint) != site:
            return False
        if not self._relay.available:
            self.endpoints.setdefault(site, endpoint)
        return self.endpoints.get(site) == endpoint

    async def connect(self, site: str, wish: p.ConnectMedia) -> None:
        """Raises ``Unavailable`` when there is no relay, or no media of this site in it."""
        await self._ask_connect(site, wish.receive, wish.send, wish.producers)

    async def produce(self, site: str, wish: p.Produce) -> None:
        await self._ask_connect(site, None, wish.send, (wish.producer,))

    async def restart_ice(self, site: str, wish: p.RestartIce) -> p.IceRestarted:
        """Raises ``Unavailable`` when this is not the media of the site any more."""
        endpoint = self._endpoint(site)
        if endpoint != wish.endpoint:
            raise Unavailable("media_unavailable")
        try:
            made = await self._relay.restart_ice(RestartIce(self.meeting, endpoint))
        except RelayError as error:
            raise Unavailable("media_unavailable", reason=str(error)) from error
        return p.IceRestarted(made.receive, made.send)

    async def close_producer(self, site: str, source: p.Source) -> None:
        endpoint = self._endpoint(site)
        self.encodings.get(endpoint, {}).pop(source, None)
        self._changed.set()
        try:
            await self._relay.close_producer(CloseProducer(self.meeting, endpoint, source))
        except RelayError as error:
            raise Unavailable("media_unavailable") from error

    def look(self, site: str, wish: p.Look) -> None:
        """Raises ``Unavailable`` when this is not the media of the site any more."""
        if self._endpoint(site) != wish.endpoint:
            raise Unavailable("media_unavailable")
        self._looks[wish.endpoint] = wish
        self._changed.set()

    async def drop(self, site: str) -> None:
        """The site's media is no longer wanted."""
        self._without.discard(site)
        endpoint = self.endpoints.pop(site, None)
        if endpoint is None:
            return
        self._forget(endpoint)
        self._changed.set()
        try:
            await self._relay.close_endpoint(CloseEndpoint(self.meeting, endpoint))
        except RelayError as error:
            log.info("endpoint %s is left to the relay: %s", endpoint, error)

    # -- What the relay and the Room tell

    def is_current(self, endpoint: str) -> bool:
        """Whether a site's browser holds this endpoint now."""
        return self.endpoints.get(site_of(endpoint)) == endpoint

    def sites_shown(self, shows: Mapping[str, str | None]) -> dict[str, str | None]:
        return {slot: endpoint and site_of(endpoint) for slot, endpoint in shows.items()}

    def producer_started(self) -> None:
        """An endpoint sends what it did not send before."""
        self._changed.set()

    def relay_lost(self, lost: Collection[str]) -> set[str]:
        """These endpoints are gone with their relay. Returns the sites that have no media now."""
        gone = {site for site, endpoint in self.endpoints.items() if endpoint in lost}
        for site in gone:
            self._forget(self.endpoints.pop(site))
        self._strays -= set(lost)
        self._tracks = {(endpoint, source) for endpoint, source in self._tracks if endpoint not in lost}
        self._without |= gone
        self._changed.set()
        return gone

    def relay_returned(self) -> set[str]:
        """Takes over what relays hold. Returns the sites that may make their media anew, once."""
        for endpoint in self._relay.homes:
            if is_aside(endpoint):
                continue
            if self.endpoints.setdefault(site_of(endpoint), endpoint) != endpoint:
                self._strays.add(endpoint)
        gone = {site for site, endpoint in self.endpoints.items() if endpoint not in self._relay.homes}
        for site in gone:
            self._forget(self.endpoints.pop(site))
        self._changed.set()
        return self.ready(gone)

    def ready(self, sites: Collection[str] = ()) -> set[str]:
        """These, and all that were told that there is no media, if there can be media now; each is returned once."""
        self._without |= set(sites)
        if not self._relay.available:
            return set()
        ready, self._without = self._without, set()
        return ready

    def follow(self, room: Room) -> None:
        """The Room, or whether a recorder is there has changed."""
        self._room = room
        self._changed.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._close_strays()
                await self._route()
                await self._record()
                await self._look()
            except Exception as error:
                if isinstance(error, RelayError | TimeoutError):
                    log.warning("meeting %s: a relay did not follow: %r", self.meeting, error)
                else:
                    log.exception("meeting %s: relay or recorder did not follow", self.meeting)
                await asyncio.sleep(RETRY)
                self._changed.set()
            await asyncio.sleep(PAUSE)

    # -- In step with the relay

    def wish(self) -> Route:
        """What the relay should do now."""
        room = self._room
        stage = room.stage()
        seats = ((id, room.seats.get(id)) for id in self.endpoints)
        speaking = {id for id, seat in seats if seat and seat.presence == "seated" and not seat.listen_only}
        sending = [site for site in room.facts.sites if site.id in speaking] if speaking else []
        shown = [site for site in sending if "camera" in self._relay.producers.get(self.endpoints[site.id], {})]
        return Route(
            router=self.meeting,
            stage=self.endpoints.get(stage[0]) if stage else None,
            stage_source=stage[1] if stage else "camera",
            tiles=tuple(self.endpoints[site.id] for site in shown),
            muted=tuple(self.endpoints[site.id] for site in sending if room.muted(site)),
        )

    async def _route(self) -> None:
        if self._relay.available:
            await self._relay.route(self.wish())

    async def _look(self) -> None:
        """What every receiver looks at; sites are told to the relay as the endpoints that they hold now."""
        if not self._relay.available:
            return
        for endpoint, wanted in list(self._looks.items()):
            tiles = tuple(self.endpoints[site] for site in wanted.sites if site in self.endpoints)
            await self._relay.look(Look(self.meeting, endpoint, tiles, wanted.stage_height, wanted.tile_height))

    async def _close_strays(self) -> None:
        while self._strays:
            endpoint = self._strays.pop()
            try:
                await self._relay.close_endpoint(CloseEndpoint(self.meeting, endpoint))
            except RelayError as error:
                log.info("endpoint %s is left to the relay: %s", endpoint, error)

    async def _ask_connect(
        self,
        site: str,
        receive: p.MediaParameters | None,
        send: p.MediaParameters | None,
        producers: tuple[p.NewProducer, ...],
    ) -> None:
        new = tuple(NewProducer(producer.source, producer.kind, producer.rtp_parameters) for producer in producers)
        wish = ConnectEndpoint(self.meeting, self._endpoint(site), receive, send, new)
        try:
            await self._relay.connect_endpoint(wish)
        except RelayError as error:
            raise Unavailable("media_unavailable", reason=str(error)) from error

    def _endpoint(self, site: str) -> str:
        endpoint = self.endpoints.get(site)
        if endpoint is None:
            raise Unavailable("media_unavailable")
        return endpoint

    def _forget(self, endpoint: str) -> None:
        for kept in (self.shows, self.encodings, self._looks):
            kept.pop(endpoint, None)

    # -- In step with the recorder

    async def _record(self) -> None:
        wanted = self._room.recording.id if self._room.recording else None
        if not self._recorder.available:
            return
        if self._recording is not None and wanted != self._recording:
            await self._recorder.stop(self.meeting, self._recording)
            self._recording = None
            self._tracks.clear()
        if wanted is None:
            return
        if self._recording is None:
            await self._recorder.start(self.meeting, wanted)
            self._recording = wanted
        if not self._relay.available:
            return
        have: set[tuple[str, Source]] = {
            (endpoint, source)
            for endpoint in self.endpoints.values()
            for source in self._relay.producers.get(endpoint, {})
        }
        for endpoint, source in self._tracks - have:
            await self._recorder.track_gone(self.meeting, wanted, site_of(endpoint), endpoint, source)
        for endpoint, source in have - self._tracks:
            producer = self._relay.producers[endpoint][source]
            await self._recorder.track_available(self.meeting, wanted, site_of(endpoint), endpoint, producer)
        self._tracks = have
