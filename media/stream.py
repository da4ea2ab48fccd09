"""One incoming RTP stream: which packets are new, which are missing, when to ask again (RFC 3550, RFC 4585, RFC 4588).

Time is an argument: microseconds of ``CLOCK_MONOTONIC``.
"""

from __future__ import annotations

from bisect import bisect_left

from media.clock import SenderClock, from_ntp
from media.rtcp import ReportBlock

OUTAGE = 200
"""A gap of more packets is not asked for again: the stream begins anew, with a key frame."""

TRIES = 10
KEY_FRAME_PAUSE = 500_000
"""Least time between two requests for a key frame."""

FIRST_RTT = 100_000


class Missing:
    """A packet that has not come. ``asked`` is when it was last asked for."""

    __slots__ = ("asked", "first", "tries")

    def __init__(self, now: int) -> None:
        self.first = self.asked = now
        self.tries = 1


class Stream:
    """Counts packets twice: ``newest`` as the sender does, without wrapping, and by *number*, which has no gaps where
    the sender sent mere padding. ``generation`` changes where the stream begins anew: numbers before and after do not
    follow on each other. ``loss``: what did not come between the last two reports, before repairs, as a fraction.
    """

    __slots__ = (
        "_base",
        "_expected_before",
        "_key_frame_asked",
        "_padding",
        "_paddings",
        "_place",
        "_received_before",
        "_stamp",
        "_transit",
        "asks",
        "clock_rate",
        "generation",
        "jitter",
        "key_frames",
        "key_frames_asked",
        "loss",
        "missing",
        "newest",
        "received",
        "recovered",
        "repairs",
        "report_arrival",
        "report_ntp",
        "report_stamp",
        "rtt",
        "ssrc",
        "wants_key_frame",
    )

    def __init__(self, ssrc: int, clock_rate: int, *, repairs: bool) -> None:
        self.ssrc, self.clock_rate, self.repairs = ssrc, clock_rate, repairs
        self.generation = 0
        self.newest = -1
        self._place = 0
        self._base = 0
        self.received = self.recovered = 0
        self._expected_before = self._received_before = 0
        self._transit: int | None = None
        self._stamp = -1
        self.jitter = self.loss = 0.0
        self.key_frames = self.key_frames_asked = 0
        self.missing: dict[int, Missing] = {}
        self.asks: list[int] = []
        self.rtt = FIRST_RTT
        self._padding: list[int] = []
        self._paddings = 0
        self.wants_key_frame = False
        self._key_frame_asked = -KEY_FRAME_PAUSE
        self.report_ntp = self.report_stamp = self.report_arrival = 0

    # -- Packets

    def accept(self, sequence: int, timestamp: int, now: int) -> int:
        """The number of a packet that came on the stream's own SSRC; -1 for one that was here already.

        Sequence numbers that are missing before it are left in ``asks``, to be asked for at once.
        """
        step = (sequence - self.newest) & 0xFFFF
        if step == 1 and self.newest >= 0:
            self.newest = self._place = place = self.newest + 1
            self.received += 1
            if timestamp != self._stamp:
                self._measure(timestamp, now)
            return place - self._paddings
        if self.newest < 0:
            self.newest = self._base = 0x10000 + sequence
            self._place = self.newest
            self.received = 1
            return self.newest
        if step == 0:
            return -1
        if step < 0x8000:
            place = self.newest + step
            if step > OUTAGE:
                self.begin_anew()
            elif step > 1 and self.repairs:
                for lost in range(self.newest + 1, place):
                    self.missing[lost] = Missing(now)
                    self.asks.append(lost & 0xFFFF)
            self.newest = place
            self._measure(timestamp, now)
        else:
            place = self.newest + step - 0x10000
            if place < self._base or (self.repairs and self.missing.pop(place, None) is None):
                return -1
        self.received += 1
        return self._number(place)

    def accept_repair(self, sequence: int, now: int) -> int:
        """The number of a retransmitted packet; -1 unless it is missing: senders probe with repeated packets."""
        if self.newest < 0:
            return -1
        step = (sequence - self.newest) & 0xFFFF
        place = self.newest + step - (0 if step < 0x8000 else 0x10000)
        lost = self.missing.pop(place, None)
        if lost is None:
            return -1
        if lost.tries == 1:
            self.rtt += (now - lost.first - self.rtt) // 8
        self.recovered += 1
        return self._number(place)

    def skip(self) -> bool:
        """The packet just accepted was mere padding. Returns whether it could be left out without a gap."""
        if self._place != self.newest:
            return False
        self._padding.append(self.newest)
        self._paddings += 1
        if len(self._padding) > 512:
            del self._padding[:256]
        return True

    def begin_anew(self) -> None:
        """What comes now does not follow on what was before: an outage, or the end of a mute."""
        self.missing.clear()
        self.generation += 1
        if self.repairs:
            self.wants_key_frame = True

    def _number(self, place: int) -> int:
        self._place = place
        later = len(self._padding) - bisect_left(self._padding, place) if self._padding else 0
        return place - self._paddings + later

    def _measure(self, timestamp: int, now: int) -> None:
        """Interarrival jitter in units of the time stamp (RFC 3550 section 6.4.1), by the first packet of each."""
        self._stamp = timestamp
        transit = now * self.clock_rate // 1_000_000 - timestamp
        if self._transit is not None:
            difference = (transit - self._transit + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
            self.jitter += (abs(difference) - self.jitter) / 16
        self._transit = transit

    # -- What to ask of the sender

    def due(self, now: int) -> list[int]:
        """Sequence numbers to ask for again, once per round trip. What was asked for too often is given up."""
        pause = min(max(self.rtt * 3 // 2, 30_000), 300_000)
        due: list[int] = []
        for place, lost in list(self.missing.items()):
            if now - lost.asked < pause:
                continue
            if lost.tries >= TRIES:
                del self.missing[place]
                self.wants_key_frame = True
                continue
            lost.asked = now
            lost.tries += 1
            due.append(place & 0xFFFF)
        return due

    def want_key_frame(self) -> None:
        """A key frame is wanted until one comes; ``key_frame_due`` says when to ask."""
        self.wants_key_frame = True

    def key_frame_due(self, now: int) -> bool:
        """Whether to ask the sender now. All who want one within half a second share one request."""
        if not self.wants_key_frame or now - self._key_frame_asked < KEY_FRAME_PAUSE:
            return False
        self._key_frame_asked = now
        self.key_frames_asked += 1
        return True

    def key_frame_came(self) -> None:
        self.wants_key_frame = False
        self.key_frames += 1

    # -- Reports

    def heed_report(self, ntp: int, stamp: int, now: int, clock: SenderClock) -> None:
        """A sender report has come (RFC 3550 section 6.4.1)."""
        self.report_ntp, self.report_stamp, self.report_arrival = ntp, stamp, now
        clock.hear(from_ntp(ntp), now)

    def sent_at(self, timestamp: int, clock: SenderClock) -> int | None:
        """When a packet was sent, in the relay's time; ``None`` before the first sender report."""
        if not self.report_ntp:
            return None
        ahead = (timestamp - self.report_stamp + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
        return clock.local(from_ntp(self.report_ntp) + ahead * 1_000_000 // self.clock_rate)

    def report(self, now: int) -> ReportBlock | None:
        """What to report to the sender since the last report; ``None`` before the first packet."""
        if self.newest < 0:
            return None
        expected = self.newest - self._base + 1
        lost = expected - self.received
        expected_since = expected - self._expected_before
        lost_since = expected_since - (self.received - self._received_before)
        self._expected_before, self._received_before = expected, self.received
        fraction = min(255, max(0, (lost_since << 8) // expected_since)) if expected_since > 0 else 0
        self.loss = fraction / 256
        return ReportBlock(
            ssrc=self.ssrc,
            fraction=fraction,
            lost=min(max(lost, 0), 0x7F_FFFF),
            highest=(self.newest - 0x10000) & 0xFFFF_FFFF,
            jitter=int(self.jitter),
            last_report=self.report_ntp >> 16 & 0xFFFF_FFFF,
            delay=(now - self.report_arrival) * 65536 // 1_000_000 & 0xFFFF_FFFF if self.report_ntp else 0,
        )
