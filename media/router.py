"""A router: the endpoints of one meeting, the wish of the server, and who is heard.

The server's requests arrive as the methods below and are idempotent; notices leave through ``tell``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from msgspec import Struct

from media import clock
from media.dtls import Certificate
from media.endpoint import Endpoint
from media.levels import Levels
from media.messages import (
    CloseProducer,
    ConnectEndpoint,
    EncodingsWatched,
    EndpointOffer,
    Heard,
    IceParameters,
    Look,
    OpenEndpoint,
    ProducerStarted,
    Record,
    RestartIce,
    Route,
    RouterInventory,
    SlotsShow,
    Source,
    TransportHealth,
)
from media.pipes import Pipes
from media.plain import Plain
from media.port import Port
from media.producer import Producer
from media.routing import Outline
from media.rtp import Packet
from media.uplink import Uplink

Tell = Callable[[Struct], None]


SECTIONS = ("endpoints", "records", "pipes", "received")
TURNS = 8
"""Ticks in which every receiver's layers are looked at once."""
FEW, CALM = 50, 50_000
"""Beyond so many endpoints, senders that begin within so many microseconds share one round over all receivers."""


class Unknown(Exception):
    """The router has no such endpoint or producer; ``str`` is the code that says which."""


class Router:
    """``pipes`` are the ways to other relays that carry the same router; what they bring stands beside the endpoints'
    own producers."""

    def __init__(
        self, id: str, *, port: Port, certificate: Certificate, packet: Packet, tell: Tell, pipe_address: str
    ) -> None:
        self.id = id
        self.endpoints: dict[str, Endpoint] = {}
        self._port, self._certificate, self._packet, self._tell = port, certificate, packet, tell
        self._route = Route(id, None, "camera", (), ())
        self._records: dict[str, Plain] = {}
        self._levels = Levels()
        self._loudest: tuple[str, ...] = ()
        self._heard: tuple[str, ...] = ()
        self._stale, self._settled_at = False, 0
        self._turn = 0
        self.pipes = Pipes(
            address=pipe_address,
            wire=port.wire,
            packet=packet,
            watcher=self,
            find=self._own_producer,
            on_changed=self._piped,
        )

    # -- Requests

    def open_endpoint(self, wish: OpenEndpoint) -> EndpointOffer:
        """Raises ``CodecUnknown``."""
        endpoint = self.endpoints.get(wish.endpoint)
        if endpoint is None:
            endpoint = self.endpoints[wish.endpoint] = Endpoint(
                wish,
                port=self._port,
                certificate=self._certificate,
                packet=self._packet,
                watcher=self,
                on_health=self._health,
            )
        return endpoint.offer()

    def connect_endpoint(self, wish: ConnectEndpoint) -> None:
        """Raises ``Unknown``, ``ParametersRefused``, ``CodecUnknown`` or ``ReceiveOnly``."""
        self._endpoint(wish.endpoint).connect(wish)
        self._mute()

    def restart_ice(self, wish: RestartIce) -> IceParameters:
        """Raises ``Unknown``."""
        return self._endpoint(wish.endpoint).restart_ice()

    def close_producer(self, wish: CloseProducer) -> None:
        endpoint = self.endpoints.get(wish.endpoint)
        if endpoint is not None and endpoint.uplink is not None:
            endpoint.uplink.close_producer(wish.source)
            self._gone(wish.endpoint, wish.source)
            self.settle()

    def close_endpoint(self, id: str) -> None:
        endpoint = self.endpoints.pop(id, None)
        if endpoint is not None:
            endpoint.close()
            self._levels.forget(id)
            self._drop_dead_records()
            if endpoint.uplink is not None:
                self.settle()

    def route(self, wish: Route) -> None:
        before, self._route = self._route, wish
        if wish != before:
            self._mute()
            self.settle()

    def look(self, wish: Look) -> None:
        """Raises ``Unknown``."""
        endpoint = self._endpoint(wish.endpoint)
        endpoint.look = wish
        self.settle(endpoint)

    def record(self, wish: Record) -> None:
        """Raises ``Unknown`` or ``PlainRefused``."""
        producer = self._producer(wish.endpoint, wish.source)
        if producer is None:
            raise Unknown("producer_unknown")
        known = self._records.get(wish.record_id)
        if known is not None:
            if known.record == wish and known.producer is producer and not wish.replay:
                return
            known.close()
        self._records[wish.record_id] = Plain(wish, producer)

    def stop_record(self, record_id: str) -> None:
        plain = self._records.pop(record_id, None)
        if plain is not None:
            plain.close()

    def ask_key_frame(self, endpoint: str, source: Source) -> None:
        producer = self._producer(endpoint, source)
        if producer is not None:
            producer.best().want_key_frame()

    def inventory(self) -> RouterInventory:
        endpoints = tuple(endpoint.inventory() for endpoint in self.endpoints.values())
        return RouterInventory(self.id, endpoints, tuple(self._records), self.pipes.inventory())

    @property
    def records(self) -> int:
        """How many producers are recorded."""
        return len(self._records)

    def facts(self, begin: int = 0, end: int | None = None) -> dict[str, Any]:
        """For operators (``docs/metrics.md``): all that there is to tell of, or what stands from one place to another
        among it."""
        told: dict[str, Any] = {"stage": self._route.stage, "heard": self._heard}
        told |= {section: dict[str, Any]() for section in SECTIONS}
        for section, id, tell in islice(self._told_of(), begin, end):
            told[section][id] = tell()
        return told

    def size(self) -> int:
        """How much there is to tell of."""
        return sum(1 for _ in self._told_of())

    def close(self) -> None:
        for plain in self._records.values():
            plain.close()
        self.pipes.close_all()
        for endpoint in self.endpoints.values():
            endpoint.close()
        self._records.clear()
        self.endpoints.clear()

    # -- What goes on by itself

    def tick(self, now: int) -> None:
        """Every 50 ms."""
        for endpoint in self.endpoints.values():
            if endpoint.uplink is not None:
                endpoint.uplink.tick(now)
        for _, uplink in self._uplinks():
            for producer in uplink.producers.values():
                self._measure(producer, now)
        self._turn = (self._turn + 1) % TURNS
        for endpoint in islice(self.endpoints.values(), self._turn, None, TURNS):
            endpoint.downlink.adapt(now)
        self.pipes.tick(now)
        loudest = self._levels.loudest(now)
        heard = self._levels.heard(now)
        if loudest != self._loudest:
            self._loudest, self._stale = loudest, True
        if heard != self._heard:
            self._heard = heard
            self._tell(Heard(self.id, heard))
        if self._stale:
            self.settle()
        self._tell_changes()

    def tick_second(self, now: int, share: int = 0, shares: int = 1) -> None:
        """Every second, for one of so many shares of the endpoints: all at once would hold up the media."""
        for endpoint in islice(self.endpoints.values(), share, None, shares):
            if endpoint.uplink is not None:
                endpoint.uplink.report(now)
                self._measure_sound(endpoint.uplink, now)
            endpoint.downlink.tick(now)
        if share == 0:
            self.pipes.tick_second(now)
            for _, uplink in self.pipes.uplinks():
                self._measure_sound(uplink, now)
            for _, uplink in self._uplinks():
                for producer in uplink.producers.values():
                    if producer.check_idle(now):
                        self._stale = True

    def resume(self) -> None:
        """The server has returned: it is told again what it may have missed."""
        for endpoint in self.endpoints.values():
            endpoint.changed = True
        self._tell_changes()
        for _, uplink in self._uplinks():
            for producer in uplink.producers.values():
                producer.tell_watched_again()
        self._tell(Heard(self.id, self._heard))

    def settle(self, only: Endpoint | None = None) -> None:
        """Lets every slot follow the wish, or the slots of one endpoint."""
        if only is None:
            self._stale, self._settled_at = False, clock.now()
        live: dict[str, set[Source]] = {}
        for id, uplink in self._uplinks():
            live[id] = {source for source, producer in uplink.producers.items() if producer.live}
        order = (*self._loudest, *sorted(id for id in live.keys() - set(self._loudest) if "microphone" in live[id]))
        outline = Outline(self._route, live, order)
        for endpoint in [only] if only else self.endpoints.values():
            if endpoint.downlink.transport.connected:
                endpoint.follow(outline.plan(endpoint.id, endpoint.places, endpoint.look), self._producer)
            else:
                endpoint.downlink.empty()

    def producer_started(self, producer: Producer, *, again: bool) -> None:
        if not again:
            self._tell(ProducerStarted(self.id, producer.endpoint, producer.inventory()))
        self._stale = True
        if len(self.endpoints) <= FEW or clock.now() - self._settled_at > CALM:
            self.settle()

    def heard(self, producer: Producer, level: int, now: int) -> None:
        self._levels.hear(producer.endpoint, level, now)

    # --

    def _told_of(self) -> Iterator[tuple[str, str, Callable[[], dict[str, Any]]]]:
        """By section and id."""
        yield from (("endpoints", id, endpoint.facts) for id, endpoint in self.endpoints.items())
        yield from (("records", id, plain.facts) for id, plain in self._records.items())
        yield from (("pipes", id, pipe.facts) for id, pipe in self.pipes.items())
        yield from (("received", id, uplink.facts) for id, uplink in self.pipes.uplinks())

    def _tell_changes(self) -> None:
        """One notice for all endpoints whose slots show the same."""
        alike: dict[tuple[str | None, ...], list[Endpoint]] = {}
        for endpoint in self.endpoints.values():
            if endpoint.changed:
                endpoint.changed = False
                alike.setdefault(tuple(endpoint.downlink.shows().values()), []).append(endpoint)
        for group in alike.values():
            ids = tuple(endpoint.id for endpoint in group)
            self._tell(SlotsShow(self.id, ids, group[0].downlink.shows()))

    def _measure(self, producer: Producer, now: int) -> None:
        if producer.kind == "video" and producer.measure(now):
            rids = producer.watched(now) if len(producer.encodings) > 1 else None
            if rids is not None:
                self._tell(EncodingsWatched(self.id, producer.endpoint, producer.source, rids))

    @staticmethod
    def _measure_sound(uplink: Uplink, now: int) -> None:
        producer = uplink.producers.get("microphone")
        if producer is not None:
            producer.measure(now)

    def _health(self, notice: TransportHealth) -> None:
        self._tell(notice)
        if notice.direction == "receive":
            self.settle(self.endpoints[notice.endpoint])

    def _mute(self) -> None:
        muted = set(self._route.muted)
        for id, uplink in self._uplinks():
            producer = uplink.producers.get("microphone")
            if producer is not None:
                producer.set_muted(id in muted)
            if id in muted:
                self._levels.forget(id)

    def _gone(self, endpoint: str, source: Source) -> None:
        if source == "microphone":
            self._levels.forget(endpoint)
        self._drop_dead_records()

    def _drop_dead_records(self) -> None:
        for id in [id for id, plain in self._records.items() if plain.producer.closed]:
            self._records.pop(id).close()

    def _endpoint(self, id: str) -> Endpoint:
        endpoint = self.endpoints.get(id)
        if endpoint is None:
            raise Unknown("endpoint_unknown")
        return endpoint

    def _uplinks(self) -> Iterator[tuple[str, Uplink]]:
        """Whatever brings producers, by endpoint: the endpoints here, then those of other relays."""
        for endpoint in self.endpoints.values():
            if endpoint.uplink is not None:
                yield endpoint.id, endpoint.uplink
        yield from self.pipes.uplinks()

    def _piped(self, gone: list[tuple[str, Source]]) -> None:
        """What other relays send has changed."""
        for endpoint, source in gone:
            self._gone(endpoint, source)
        self._mute()
        self.settle()

    def _producer(self, endpoint: str, source: Source) -> Producer | None:
        return self._own_producer(endpoint, source) or self.pipes.producer(endpoint, source)

    def _own_producer(self, endpoint: str, source: Source) -> Producer | None:
        found = self.endpoints.get(endpoint)
        return found.uplink.producers.get(source) if found is not None and found.uplink is not None else None
