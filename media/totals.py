"""A relay in a handful of numbers: what monitoring asks for every few seconds (``messages.RelayMetrics``)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection

from media import process
from media.messages import RelayMetrics
from media.port import Port
from media.router import Router


def totals(port: Port, routers: Collection[Router], started: float) -> RelayMetrics:
    """Counters that exist anyway, and one look at each endpoint; ``started`` is in seconds of the Unix clock."""
    seen = Counter[str]()
    for router in routers:
        for endpoint in router.endpoints.values():
            uplink, downlink = endpoint.uplink, endpoint.downlink
            for transport in (downlink.transport, uplink.transport if uplink else None):
                if transport is not None:
                    seen[transport.health or "connecting"] += 1
                    seen[("udp" if transport.name else "tcp") if transport.connected else "none"] += 1
            if uplink is not None:
                seen["producers"] += sum(producer.live for producer in uplink.producers.values())
            seen["short"] += any(slot.paused for slot in downlink.slots.values())
    counted = port.facts()
    return RelayMetrics(
        started=started,
        cpu_seconds=time.process_time(),
        memory=process.memory(),
        segments=bool(counted["segments"]),
        routers=len(routers),
        endpoints=sum(len(router.endpoints) for router in routers),
        producers=seen["producers"],
        records=sum(router.records for router in routers),
        udp=seen["udp"],
        tcp=seen["tcp"],
        silent=seen["silent"],
        short=seen["short"],
        packets_received=counted["received"],
        octets_received=counted["received_octets"],
        packets_sent=counted["packets"],
        octets_sent=counted["sent_octets"],
        messages_sent=counted["messages"],
        receive_drops=counted["received_dropped"],
        send_drops=counted["unsent"],
        unsealed=counted["unsealed"],
        strangers=counted["from_strangers"],
        garbage=counted["garbage"],
        checks=counted["checks"],
        checks_refused=counted["checks_refused"],
        tcp_refused=counted["tcp_refused"],
    )
