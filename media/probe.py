"""Finds out whether a path carries more than is being sent, and limits what repetitions take.

A probe fills what the media leave of a rate with padding or repetitions. The path carries the rate when the least
delayed packet of the last quarter met no queue (a frame's own burst does not show there); when it does not, the pace at
which the packets arrived is what the path carries. As the probe clusters of draft-ietf-rmcat-gcc-02 serve, but judged
by the queue instead of by the pace, which bursts of media distort.

A path shaped by a token bucket lets through at any rate what its bucket holds. Where the path has been full once, a
probe therefore lasts until it has sent more beyond the rate that is known than a bucket is likely to hold, and is
judged by its end; it stops as soon as a queue shows, so that a long one costs a thin path no more than a short one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from media.sendlog import TURN

if TYPE_CHECKING:
    from media.estimate import Estimate
    from media.sendlog import Cluster, SendLog

SPAN, LONGEST_SPAN = 250_000, 800_000
"""How long a probe takes, in µs."""
BURST, BUCKET = 3_000, 10_000
"""Octets that a bucket is likely to hold, and that it holds at most if a probe is to see through it."""
SPACE = 0.95
"""What of a rate that was carried is taken for sure."""
BOLD, CAREFUL = 2.0, 1.5
"""How far a probe reaches over what is known: at first, and after one has filled the path."""
FEWEST = 5
"""Packets below which a probe tells nothing."""
PACKET = 1_200
SPARE = 1.1
"""Media come unevenly: a probe for exactly what is wanted would often just miss it."""
GAIN = 1.1
"""A probe that carried but gained less counts as failed: there is nothing more to be found."""
ANSWER = 1_000_000
"""How long after its end a probe waits for feedback."""
SHADOW = 2_000_000
"""How long after its beginning the queue that a probe made may still stand."""
FIRST_PAUSE, LONGEST_PAUSE = 1_500_000, 3_000_000
QUEUE = 15_000
"""The queue that a probe may leave, beside the time that one packet takes at its rate."""
LOSS = 0.15
"""The loss that a probe may suffer beside what is usual on the path."""


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """``bitrate`` is what padding and media come to together, for ``span`` µs."""

    bitrate: int
    span: int = SPAN


class Probe:
    """The probes of one transport, one at a time.

    Ask ``due`` some times a second. While ``running``, every 5 to 10 ms send what is ``owed`` (stamped in the same
    lane); call ``heed`` after the estimate has heeded a delivery.
    """

    __slots__ = (
        "_begun",
        "_cluster",
        "_drops",
        "_failures",
        "_filled",
        "_lane",
        "_log",
        "_next",
        "_plan",
        "_sent",
        "_wanted",
    )

    def __init__(self, log: SendLog, lane: int, now: int) -> None:
        self._log, self._lane = log, lane
        self._plan: ProbePlan | None = None
        self._cluster: Cluster | None = None
        self._begun = self._sent = self._wanted = self._failures = self._drops = 0
        self._filled, self._next = False, now

    @property
    def running(self) -> bool:
        """Whether padding may be owed."""
        return self._cluster is not None and self._cluster.end is None

    def shadows(self, now: int) -> bool:
        """Whether a queue may be a probe's."""
        return now - self._begun < SHADOW

    def due(self, now: int, estimate: Estimate, wanted: int) -> ProbePlan | None:
        """Begins a probe if ``wanted`` bit/s are more than the estimate gives and the path looks fit for one.

        After a failure the pause doubles up to 3 s; a path that was full and has become free is tried sooner.
        """
        if self._cluster is not None:
            if self._plan is not None and now > self._begun + self._plan.span + ANSWER:
                self._end(now, failed=True)
            return None
        if wanted <= estimate.target or not estimate.clear(now):
            return None
        if estimate.drops != self._drops:
            self._drops, self._failures = estimate.drops, 0
            self._next = now + FIRST_PAUSE
        if now < self._next:
            return None
        known = max(estimate.target, estimate.rate)
        bitrate = int(min(wanted / SPACE * SPARE, (CAREFUL if self._filled else BOLD) * known))
        span = BUCKET * 8_000_000 // max(1, bitrate - known) if estimate.drops or self._filled else SPAN
        self._plan = plan = ProbePlan(bitrate, min(max(span, SPAN), LONGEST_SPAN))
        self._begun, self._wanted, self._sent = now, wanted, self._log.counts[self._lane] >> 32
        self._cluster = self._log.mark(self._lane, now + plan.span * 3 // 4)
        estimate.blind(now, plan.span + SPAN)
        return plan

    def owed(self, now: int) -> int:
        """Octets of padding to be sent now; ends the probe's sending when its time is over."""
        plan = self._plan
        if plan is None or not self.running:
            return 0
        passed = now - self._begun
        sent = (self._log.counts[self._lane] >> 32) - self._sent & TURN
        owed = plan.bitrate * min(passed, plan.span) // 8_000_000 - sent
        if passed >= plan.span and (owed <= 0 or passed > plan.span + SPAN // 4):
            self._log.seal(self._lane)
            return 0
        return max(0, owed)

    def heed(self, estimate: Estimate, now: int) -> bool:
        """Judges the probe once its last packet was told of, which ends it; stops it when a queue builds up."""
        cluster, plan = self._cluster, self._plan
        if cluster is None or plan is None:
            return False
        borne = QUEUE + PACKET * 8_000_000 // plan.bitrate
        if cluster.end is None:
            if estimate.queue > 2 * borne:
                self._log.seal(self._lane)
            return False
        if self._log.deliveries[self._lane].edge < cluster.end:
            return False
        packets = cluster.received + cluster.lost
        span = cluster.sent_last - cluster.sent_first
        whole = span >= plan.span * 3 // 4
        passed = (
            cluster.delay is not None
            and estimate.over_base(cluster.delay) <= borne
            and cluster.lost <= packets * (estimate.loss + LOSS)
        )
        if not whole and estimate.queue <= borne:
            self._end(now, failed=False)
            self._next = now + SPAN
        elif whole and passed and packets >= FEWEST:
            before = estimate.target
            estimate.prove(int(SPACE * min(plan.bitrate, cluster.octets * 8_000_000 // span)))
            self._end(now, failed=estimate.target < min(GAIN * before, self._wanted))
        else:
            self._filled = True
            if span >= SPAN // 2 and packets >= FEWEST:
                took = max(span, cluster.arrival_last - cluster.arrival_first)
                carried = max(0, cluster.octets - BURST)
                estimate.disprove((carried if took > 2 * SPAN else cluster.octets) * 8_000_000 // took)
                estimate.prove(carried * 7_000_000 // took)
            self._end(now, failed=True)
        return True

    def _end(self, now: int, *, failed: bool) -> None:
        self._log.deliveries[self._lane].cluster = self._cluster = self._plan = None
        self._failures = self._failures + 1 if failed else 0
        self._next = now + (min(LONGEST_PAUSE, FIRST_PAUSE << min(self._failures - 1, 4)) if failed else 0)


class RepairBudget:
    """What repetitions may take of a thin path: half of the target, a quarter where a queue stands, and half a second's
    worth of that at once.

    Without a limit they choke it: 66,000 repetitions in 15 s into 0.8 Mbit/s left no picture (``relay.md``).
    """

    SHARE, CROWDED = 0.5, 0.25
    AT_ONCE = 500_000
    LEAST = 6_000
    """Octets that are always granted at once: a few packets."""

    __slots__ = ("_at", "_estimate", "_octets")

    def __init__(self, estimate: Estimate, now: int) -> None:
        self._estimate, self._at = estimate, now
        self._octets = float(self.LEAST)

    def spend(self, octets: int, now: int) -> bool:
        """Whether a repetition of so many octets may be sent; takes them from the budget if so."""
        estimate = self._estimate
        pace = (self.CROWDED if estimate.crowded else self.SHARE) * estimate.target / 8_000_000
        most = max(self.LEAST, pace * self.AT_ONCE)
        self._octets = min(most, self._octets + pace * (now - self._at))
        self._at = now
        if self._octets < octets:
            return False
        self._octets -= octets
        return True
