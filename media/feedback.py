"""Reads what a receiver tells of the packets of its transport: transport-wide feedback.

draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1. Reading is tolerant and never raises: what cannot be
understood ends it, and what was read before counts. Nearly always everything arrived and the feedback is one run of
small deltas; that case is read without a loop.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from media.sendlog import KEPT, TURN, Delivery

if TYPE_CHECKING:
    from media.sendlog import Cluster, SendLog

TICK = 250
"""Microseconds of one step of a receive delta; the reference time counts 256 of them."""

_head: Callable[[bytes, int], tuple[int, int, int, int]] = struct.Struct("!HHIH").unpack_from
_HEADER = 16
_LARGE = 2
_LONGEST = 8192
"""More packets told at once are not believed: no run of zeros costs more than a millisecond."""
_REMEMBERED = 512
"""Lost packets remembered before those are forgotten that the log has forgotten too."""


def read(log: SendLog, lane: int, body: bytes, now: int) -> Delivery | None:
    """What the lane's receiver told in a feedback; ``None`` when it cannot be read or tells nothing new.

    ``body`` is the packet without its first four octets. The same object comes back each time, written anew.

    Receivers go back when a packet came late, and tell again what they told: only what is new or was told as lost is
    counted. A feedback that was overtaken by its successor tells nothing but such arrivals.
    """
    if len(body) <= _HEADER + 2:
        return None
    base, count, reference, chunk = _head(body, 8)
    delivery = log.deliveries[lane]
    turn = (reference >> 8) - delivery.reference & 0xFF_FFFF
    delivery.reference += turn if turn < 0x80_0000 else turn - 0x100_0000
    edge = delivery.edge
    end, counts = edge + count, log.counts[lane]
    sent = counts & TURN
    if (
        chunk != 0x2000 | count
        or base != edge & 0xFFFF
        or not end <= sent <= edge + KEPT
        or len(body) < 18 + count
        or delivery.cluster is not None
        or not count
    ):
        return _walk(log, lane, body, now)
    ring, place = log.ring, lane * KEPT
    arrival = delivery.reference * (256 * TICK)
    delivery.arrival_first = first = arrival + body[18] * TICK
    delivery.arrival_last = last = arrival + sum(body[18 : 18 + count]) * TICK
    delivery.sent_first = begun = now - (now - ring[place + (edge & KEPT - 1)] & TURN)
    delivery.sent_last = ended = now - (now - ring[place + (end - 1 & KEPT - 1)] & TURN)
    first -= begun
    last -= ended
    delivery.delay = first if first < last else last
    told = (ring[place + (end & KEPT - 1)] if end < sent else counts) >> 32
    delivery.octets = told - delivery.told & TURN
    delivery.told, delivery.edge = told, end
    delivery.received, delivery.lost, delivery.timed = count, 0, True
    return delivery


def _walk(log: SendLog, lane: int, body: bytes, now: int) -> Delivery | None:
    """Reads a feedback of any form, packet by packet. The reference time is unwrapped already."""
    base, count, _, _ = _head(body, 8)
    delivery, counts, ring, place = log.deliveries[lane], log.counts[lane], log.ring, lane * KEPT
    edge, sent, missing, cluster = delivery.edge, counts & TURN, delivery.missing, delivery.cluster
    number = edge + ((base - edge + 0x8000) & 0xFFFF) - 0x8000
    received, lost, octets = 0, 0, 0
    delivery.timed = False
    for arrival in _arrivals(body, count, sent - number, delivery.reference * (256 * TICK)):
        fresh = number >= edge
        if number >= sent - KEPT and (fresh or (arrival is not None and number in missing)):
            entry = ring[place + (number & KEPT - 1)]
            after = ring[place + (number + 1 & KEPT - 1)] if number + 1 < sent else counts
            size = (after >> 32) - (entry >> 32) & TURN
            begun = now - (now - entry & TURN)
            if cluster is not None:
                _measure(cluster, number, begun, arrival, size if fresh else -size)
            if arrival is None:
                lost += 1
                octets -= size
                missing.add(number)
            elif not fresh:
                missing.discard(number)
                lost -= 1
                received += 1
                octets += size
            else:
                received += 1
                delivery.sent_last, delivery.arrival_last = begun, arrival
                if not delivery.timed:
                    delivery.sent_first, delivery.arrival_first, delivery.delay = begun, arrival, arrival - begun
                    delivery.timed = True
                elif arrival - begun < delivery.delay:
                    delivery.delay = arrival - begun
        elif fresh and arrival is None:
            lost += 1
        elif fresh:
            received += 1
        number += 1
    if edge < number <= sent:
        told = (ring[place + (number & KEPT - 1)] if number < sent else counts) >> 32
        octets += told - delivery.told & TURN
        delivery.told, delivery.edge = told, number
    if len(missing) > _REMEMBERED:
        delivery.missing = {number for number in missing if number >= sent - KEPT}
    delivery.received, delivery.lost, delivery.octets = received, lost, octets
    return delivery if received or lost else None


def _arrivals(body: bytes, count: int, most: int, moment: int) -> Iterator[int | None]:
    """When each packet arrived, in µs of the receiver's clock, ``None`` for a lost one; as many as can be read."""
    size = len(body)
    at, delta = _HEADER, _deltas(body, count)
    count = min(count, most)
    if count > _LONGEST:
        return
    while count > 0:
        chunk = body[at] << 8 | body[at + 1]
        at += 2
        if not chunk & 0x8000:
            run, shift, step, mask = chunk & 0x1FFF, 13, 0, 3
        elif chunk & 0x4000:
            run, shift, step, mask = 7, 12, 2, 3
        else:
            run, shift, step, mask = 14, 13, 1, 1
        run = min(run, count)
        count -= run
        for _ in range(run):
            symbol = chunk >> shift & mask
            shift -= step
            if not symbol:
                yield None
                continue
            if symbol > _LARGE or delta + symbol > size:
                return
            if symbol == _LARGE:
                moment += ((body[delta] ^ 0x80) - 0x80 << 8 | body[delta + 1]) * TICK
            else:
                moment += body[delta] * TICK
            delta += symbol
            yield moment


def _deltas(body: bytes, count: int) -> int:
    """Where the receive deltas begin: behind as many chunks as hold ``count`` symbols; the end if they do not."""
    at, size = _HEADER, len(body)
    while count > 0 and at + 1 < size:
        high = body[at]
        count -= 7 if high >= 0xC0 else 14 if high >= 0x80 else (high & 0x1F) << 8 | body[at + 1]
        at += 2
    return at if count <= 0 else size


def _measure(cluster: Cluster, number: int, sent: int, arrival: int | None, size: int) -> None:
    """Counts a packet for a cluster; ``size`` is negative for one that was told as lost before."""
    if number < cluster.begin or (cluster.end is not None and number >= cluster.end):
        return
    if arrival is None:
        cluster.lost += 1
        return
    if size < 0:
        cluster.lost -= 1
        cluster.octets -= size
    elif cluster.received:
        cluster.octets += size
        cluster.sent_last, cluster.arrival_last = sent, max(arrival, cluster.arrival_last)
    else:
        cluster.sent_first = cluster.sent_last = sent
        cluster.arrival_first = cluster.arrival_last = arrival
    if size >= 0 and sent >= cluster.tail and (cluster.delay is None or arrival - sent < cluster.delay):
        cluster.delay = arrival - sent
    cluster.received += 1
