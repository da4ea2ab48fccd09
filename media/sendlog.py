"""What was sent to whom and when: the sending half of transport-wide congestion control.

draft-holmer-rmcat-transport-wide-cc-extensions-01 section 2: every packet of a transport carries the transport's next
16-bit number; the receiver tells when each number arrived (``feedback.py``). One log serves all receiving transports of
a process, so that a fan-out notes its packets for all of them in a few array operations. A transport's place is a lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT = 1024
"""Packets remembered in each lane, a power of two: 8 kB, and 1.7 s of 5 Mbit/s."""
TURN = 0xFFFF_FFFF
"""Send times and octets are kept modulo 2³²: times turn over after 71 minutes, and no packet is told of so late."""

_PLACE, _OCTETS = np.array(KEPT - 1), np.array(~TURN)
_LARGEST = 0x7FFF_FFFF_FFFF_FFFF


class Cluster:
    """A run of packets that is being measured as a whole: a probe, and the media between its packets.

    ``begin`` and ``end`` are the numbers of its first packet and of the one after its last (``None`` while it is being
    sent). What follows is told by the receiver: octets do not count the first packet that arrived, so that octets over
    a span is a rate. ``delay`` is the least (arrival − sent) of the packets sent from ``tail`` on: the queue that the
    cluster left. Times in µs: ``sent_*`` and ``tail`` of the relay's clock, ``arrival_*`` of the receiver's.
    """

    __slots__ = (
        "arrival_first",
        "arrival_last",
        "begin",
        "delay",
        "end",
        "lost",
        "octets",
        "received",
        "sent_first",
        "sent_last",
        "tail",
    )

    def __init__(self, begin: int, tail: int) -> None:
        self.begin, self.tail = begin, tail
        self.delay: int | None = None
        self.end: int | None = None
        self.received = self.lost = self.octets = 0
        self.sent_first = self.sent_last = self.arrival_first = self.arrival_last = 0


class Delivery:
    """What the last feedback of one lane told. One object per lane, written anew by each ``feedback.read``.

    ``received`` and ``lost`` count packets; ``lost`` is negative when more packets came late than were lost. ``octets``
    are those that arrived since the feedback before; packets of which no feedback told, because it was lost itself,
    count there as arrived. With ``received`` above zero and ``timed`` set hold the times in µs of the first and the
    last packet, ``sent_*`` of the relay's clock, ``arrival_*`` of the receiver's, and ``delay``, the least (arrival −
    sent), of which only the changes have a meaning.

    What is kept from one feedback to the next: ``edge``, the first number not told yet; ``missing``, numbers told as
    lost; ``reference``, the last reference time without its wrap; ``told``, the octets before ``edge``.
    """

    __slots__ = (
        "arrival_first",
        "arrival_last",
        "cluster",
        "delay",
        "edge",
        "lost",
        "missing",
        "octets",
        "received",
        "reference",
        "sent_first",
        "sent_last",
        "timed",
        "told",
    )

    def __init__(self) -> None:
        self.received = self.lost = self.octets = 0
        self.timed = False
        self.sent_first = self.sent_last = self.arrival_first = self.arrival_last = self.delay = 0
        self.edge = self.reference = self.told = 0
        self.missing: set[int] = set()
        self.cluster: Cluster | None = None


class SendLog:
    """``lanes`` is how many there is room for at first; it doubles when they are all taken.

    ``counts[lane]`` is what was sent: octets << 32 | packets. ``ring[lane × KEPT + number % KEPT]`` is one packet:
    octets sent before it << 32 | send time. Octets are in the upper half, where they turn over without a trace. Both
    are views that a reader of single packets indexes faster than arrays; they are other objects after a growth.
    """

    def __init__(self, lanes: int) -> None:
        self.deliveries: list[Delivery] = []
        self._free: list[int] = []
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._ring: NDArray[np.int64] = np.zeros(0, np.int64)
        self._grow(max(1, lanes))

    def take(self) -> int:
        """A lane of one's own, as if nothing had ever been sent in it."""
        if not self._free:
            self._grow(2 * len(self.deliveries))
        lane = self._free.pop()
        self.deliveries[lane] = Delivery()
        self._counts[lane] = 0
        return lane

    def free(self, lane: int) -> None:
        self._free.append(lane)

    def stamp(self, lanes: NDArray[np.int64], sizes: Sequence[int], now: int) -> NDArray[np.uint16]:
        """Numbers the same packets for many lanes: row i holds the numbers in ``lanes[i]``. No lane may occur twice.

        ``sizes`` are octets on the wire; at most 1,024 packets at once.
        """
        steps, step = list[int](), 0
        for size in sizes:
            steps.append(step)
            step += size << 32 | 1
        counts = self._counts.take(lanes)
        self._counts[lanes] = counts + np.array(step)
        packets = np.add.outer(counts, np.array(steps, np.int64))
        places = (packets & _PLACE) + (lanes * KEPT)[:, None]
        self._ring[places] = (packets & _OCTETS) + np.array(now & TURN)
        return packets.astype(np.uint16)

    def stamp_one(self, lane: int, size: int, now: int) -> int:
        """Numbers one packet of one lane: a repetition, or a probe."""
        count = self.counts[lane]
        self.ring[lane * KEPT + (count & KEPT - 1)] = count & ~TURN | now & TURN
        step = count + (size << 32 | 1)
        self.counts[lane] = step if step <= _LARGEST else step - (1 << 64)
        return count & 0xFFFF

    def waiting(self, lane: int, now: int) -> int:
        """For how long the oldest packet of which the receiver told nothing has been under way, in µs; 0 for none."""
        sent = self.counts[lane] & TURN
        number = max(self.deliveries[lane].edge, sent - KEPT)
        return now - self.ring[lane * KEPT + (number & KEPT - 1)] & TURN if number < sent else 0

    def mark(self, lane: int, tail: int) -> Cluster:
        """The next packet begins a cluster, whose last part is sent from the time ``tail`` on."""
        cluster = self.deliveries[lane].cluster = Cluster(self.counts[lane] & TURN, tail)
        return cluster

    def seal(self, lane: int) -> None:
        """The last packet ended the cluster."""
        cluster = self.deliveries[lane].cluster
        if cluster is not None:
            cluster.end = self.counts[lane] & TURN

    def _grow(self, lanes: int) -> None:
        had = len(self.deliveries)
        counts, ring = np.zeros(lanes, np.int64), np.zeros(lanes * KEPT, np.int64)
        counts[:had], ring[: had * KEPT] = self._counts, self._ring
        self._counts, self._ring = counts, ring
        self.counts: memoryview[int] = self._counts.data.cast("B").cast("q")
        self.ring: memoryview[int] = self._ring.data.cast("B").cast("q")
        self.deliveries += [Delivery() for _ in range(had, lanes)]
        self._free += range(lanes - 1, had - 1, -1)
