"""Finds out whether a path carries more than is being sent, and limits what repetitions take.

A probe fills what the media leave of a rate for a quarter of a second with padding or repetitions. The path carries the
rate when the least delayed packet of the last quarter met no queue (a frame's own burst does not show there); when it
does not, the pace at which the packets arrived is what the path carries. As the probe clusters of
draft-ietf-rmcat-gcc-02 serve, but judged by the queue instead of by the pace, which bursts of media distort.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from media.estimate import Estimate
    from media.sendlog import Cluster, SendLog

SPAN = 250_000
"""How long a probe takes, in µs."""
SPACE = 0.95
"""What of a rate that was carried is taken for sure."""
BOLD, CAREFUL = 2.0, 1.5
"""How far a probe reaches over what is known: after a success and after a failure."""
FEWEST = 1_500
"""Octets below which padding tells nothing."""
PACKET = 1_200
SPARE = 1.1
"""Media come unevenly: a probe for exactly what is wanted would often just miss it."""
GAIN = 1.1
"""A probe that carried but gained less counts as failed: there is nothing more to be found."""
ANSWER = 1_000_000
"""How long after its end a probe waits for feedback."""
FIRST_PAUSE, LONGEST_PAUSE = 1_500_000, 5_000_000
QUEUE = 15_000
"""The queue that a probe may leave, beside the time that one packet takes at its rate."""
LOSS = 0.15
"""The loss that a probe may suffer beside what is usual on the path."""


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """``bitrate`` is what padding and media come to together; ``octets`` of padding, evenly over ``span`` µs."""

    bitrate: int
    octets: int
    span: int = SPAN


class Probe:
    """The probes of one transport, one at a time.

    Ask ``due`` some times a second. While ``running``, every 5 to 10 ms send what is ``owed`` and say with ``paid``
    what was sent (stamped in the same lane); call ``heed`` after the estimate has heeded a delivery.
    """

    __slots__ = ("_begun", "_cluster", "_drops", "_failures", "_lane", "_log", "_next", "_paid", "_plan", "_wanted")

    def __init__(self, log: SendLog, lane: int, now: int) -> None:
        self._log, self._lane = log, lane
        self._plan: ProbePlan | None = None
        self._cluster: Cluster | None = None
        self._begun = self._paid = self._wanted = self._failures = self._drops = 0
        self._next = now

    @property
    def running(self) -> bool:
        """Whether padding may be owed."""
        return self._cluster is not None and self._cluster.end is None

    def due(self, now: int, estimate: Estimate, wanted: int) -> ProbePlan | None:
        """Begins a probe if ``wanted`` bit/s are more than the estimate gives and the path looks fit for one.

        After a failure the pause doubles up to 5 s; a path that was full and has become free is tried sooner.
        """
        if self._cluster is not None:
            if now > self._begun + SPAN + ANSWER:
                self._end(now, failed=True)
            return None
        if wanted <= estimate.target or not estimate.clear(now):
            return None
        if estimate.drops != self._drops:
            self._drops, self._failures = estimate.drops, 0
            self._next = now + FIRST_PAUSE
        if now < self._next:
            return None
        reach = (CAREFUL if self._failures else BOLD) * max(estimate.target, estimate.rate)
        bitrate = int(min(wanted / SPACE * SPARE, reach))
        octets = max(FEWEST, (bitrate - estimate.rate) * SPAN // 8_000_000)
        self._plan = ProbePlan(bitrate, octets)
        self._begun, self._paid, self._wanted = now, 0, wanted
        self._cluster = self._log.mark(self._lane, now + SPAN * 3 // 4)
        estimate.blind(now, 2 * SPAN)
        return self._plan

    def owed(self, now: int) -> int:
        """Octets of padding to be sent now; ends the probe's sending when its time is over."""
        if self._plan is None or self._cluster is None or self._cluster.end is not None:
            return 0
        passed = now - self._begun
        owed = self._plan.octets * min(passed, SPAN) // SPAN - self._paid
        if passed >= SPAN and (owed <= 0 or passed > SPAN + SPAN // 4):
            self._log.seal(self._lane)
            return 0
        return max(0, owed)

    def paid(self, octets: int) -> None:
        """So much padding was sent."""
        self._paid += octets

    def heed(self, estimate: Estimate, now: int) -> None:
        """Judges the probe once its last packet was told of; stops it when a queue builds up."""
        cluster, plan = self._cluster, self._plan
        if cluster is None or plan is None:
            return
        borne = QUEUE + PACKET * 8_000_000 // plan.bitrate
        if cluster.end is None:
            if estimate.queue > 2 * borne:
                self._log.seal(self._lane)
            return
        if self._log.deliveries[self._lane].edge < cluster.end:
            return
        packets = cluster.received + cluster.lost
        span = cluster.sent_last - cluster.sent_first
        carried = (
            cluster.delay is not None
            and estimate.over_base(cluster.delay) <= borne
            and cluster.lost <= packets * (estimate.loss + LOSS)
        )
        if packets < 5 or span < SPAN // 2:
            self._end(now, failed=True)
        elif carried:
            before = estimate.target
            estimate.prove(int(SPACE * min(plan.bitrate, cluster.octets * 8_000_000 // span)))
            self._end(now, failed=estimate.target < min(GAIN * before, self._wanted))
        else:
            estimate.prove(cluster.octets * 7_000_000 // max(span, cluster.arrival_last - cluster.arrival_first))
            self._end(now, failed=True)

    def _end(self, now: int, *, failed: bool) -> None:
        self._log.deliveries[self._lane].cluster = self._cluster = self._plan = None
        self._failures = self._failures + 1 if failed else 0
        self._next = now + (min(LONGEST_PAUSE, FIRST_PAUSE << min(self._failures - 1, 4)) if failed else 0)


class RepairBudget:
    """What repetitions may take of a thin path: a quarter of the target, and half a second's worth of that at once.

    Without a limit they choke it: 66,000 repetitions in 15 s into 0.8 Mbit/s left no picture (``relay.md``).
    """

    SHARE = 0.25
    AT_ONCE = 500_000
    LEAST = 6_000
    """Octets that are always granted at once: a few packets."""

    __slots__ = ("_at", "_estimate", "_octets")

    def __init__(self, estimate: Estimate, now: int) -> None:
        self._estimate, self._at = estimate, now
        self._octets = float(self.LEAST)

    def spend(self, octets: int, now: int) -> bool:
        """Whether a repetition of so many octets may be sent; takes them from the budget if so."""
        pace = self.SHARE * self._estimate.target / 8_000_000
        most = max(self.LEAST, pace * self.AT_ONCE)
        self._octets = min(most, self._octets + pace * (now - self._at))
        self._at = now
        if self._octets < octets:
            return False
        self._octets -= octets
        return True
