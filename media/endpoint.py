"""One browser in a router: the transport on which it sends, if it may, and the transport on which it receives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from media.downlink import Downlink
from media.dtls import Certificate
from media.messages import (
    SLOTS,
    ConnectEndpoint,
    EndpointInventory,
    EndpointOffer,
    IceParameters,
    Look,
    OpenEndpoint,
    Source,
    TransportHealth,
)
from media.ortc import ROUTER_CAPABILITIES, ROUTER_NUMBERS, own_numbers
from media.port import Port
from media.producer import Producer, Watcher
from media.routing import Plan
from media.rtp import Packet
from media.transport import Health, Transport
from media.uplink import Uplink


class ReceiveOnly(Exception):
    """The endpoint was opened for receiving; ``str`` is the code that says so."""


class Endpoint:
    """``on_health`` is told of both transports. ``changed``: what the slots show has changed since it was told."""

    def __init__(
        self,
        wish: OpenEndpoint,
        *,
        port: Port,
        certificate: Certificate,
        packet: Packet,
        watcher: Watcher,
        on_health: Callable[[TransportHealth], None],
    ) -> None:
        self.id, self.router = wish.endpoint, wish.router
        self.changed = False
        self.look: Look | None = None
        self.places: dict[str, str | None] = {}
        self._on_health = on_health

        def transport(direction: Literal["send", "receive"]) -> Transport:
            def told(health: Health) -> None:
                on_health(TransportHealth(wish.router, wish.endpoint, direction, health))

            return Transport(port, certificate, told)

        self._slots = frozenset(name for name, _ in SLOTS) if wish.slots is None else frozenset(wish.slots)
        self.downlink = Downlink(
            wish.endpoint,
            transport("receive"),
            outgoing=port.outgoing,
            capabilities=wish.rtp_capabilities,
            numbers=ROUTER_NUMBERS if wish.slots is None else own_numbers(wish.rtp_capabilities),
            log=port.sendlog,
            on_shown=self._shown,
        )
        self.uplink: Uplink | None = None
        if wish.send:
            self.uplink = Uplink(wish.endpoint, transport("send"), port.wire, packet, watcher)

    def offer(self) -> EndpointOffer:
        return EndpointOffer(
            router_rtp_capabilities=ROUTER_CAPABILITIES,
            send=self.uplink.transport.parameters() if self.uplink else None,
            receive=self.downlink.transport.parameters(),
            slots=tuple(slot for slot in self.downlink.offers() if slot.name in self._slots),
            shows=self.downlink.shows(),
        )

    def connect(self, wish: ConnectEndpoint) -> None:
        """Raises ``ParametersRefused``, ``CodecUnknown`` or ``ReceiveOnly``."""
        if self.uplink is None and (wish.send is not None or wish.producers):
            raise ReceiveOnly("receive_only")
        if wish.receive is not None:
            self.downlink.transport.connect(wish.receive)
        if self.uplink is not None:
            for producer in wish.producers:
                self.uplink.produce(producer)
            if wish.send is not None:
                self.uplink.transport.connect(wish.send)

    def restart_ice(self) -> IceParameters:
        send = self.uplink.transport.restart_ice() if self.uplink else None
        return IceParameters(self.downlink.transport.restart_ice(), send)

    def follow(self, plan: Plan, find: Callable[[str, Source], Producer | None]) -> None:
        """Lets every slot show what the plan says."""
        wanted: dict[str, Producer | None] = {}
        for name, feed in plan.items():
            if name not in self._slots:
                continue
            producer = find(feed.endpoint, feed.source) if feed is not None else None
            accepted = producer is not None and self.downlink.slots[name].accepts(producer)
            wanted[name] = producer if accepted else None
            self.places[name] = feed.endpoint if feed is not None else None
        self.downlink.show(wanted, self.look)

    def healths(self) -> Iterator[TransportHealth]:
        """The health of both transports, for a server that may have missed it."""
        directions: list[tuple[Literal["send", "receive"], Transport | None]] = [
            ("send", self.uplink.transport if self.uplink else None),
            ("receive", self.downlink.transport),
        ]
        for direction, transport in directions:
            if transport is not None and transport.health is not None:
                yield TransportHealth(self.router, self.id, direction, transport.health)

    def inventory(self) -> EndpointInventory:
        producers = self.uplink.producers.values() if self.uplink else ()
        return EndpointInventory(
            id=self.id,
            send=self.uplink is not None,
            producers=tuple(producer.inventory() for producer in producers if producer.started),
        )

    def facts(self) -> dict[str, Any]:
        """For operators."""
        return {"uplink": self.uplink.facts() if self.uplink else None, "downlink": self.downlink.facts()}

    def close(self) -> None:
        if self.uplink is not None:
            self.uplink.close()
        self.downlink.close()

    def _shown(self) -> None:
        self.changed = True
