"""A thin link in virtual time, and the receiver behind it with its feedback, written by hand from the draft.

Nothing here waits, and the same seed gives the same run.
"""

from __future__ import annotations

import random
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from media.estimate import Estimate
from media.feedback import read
from media.probe import Probe
from media.sendlog import SendLog

LOST, SMALL, LARGE = 0, 1, 2


def feedback(first: int, arrivals: Sequence[int | None], *, count: int = 0, form: str = "shortest") -> bytes:
    """Transport-wide feedback after its four-octet header: packets from number ``first`` on, arrivals in µs.

    ``form`` is how the symbols are written: ``run``, ``one-bit``, ``two-bit``, or the shortest, as Chromium does it.
    """
    reference = next(arrival for arrival in arrivals if arrival is not None) // 64_000
    moment, symbols, deltas = reference * 64_000, list[int](), b""
    for arrival in arrivals:
        if arrival is None:
            symbols.append(LOST)
            continue
        delta = round((arrival - moment) / 250)
        moment += delta * 250
        small = 0 <= delta <= 255
        symbols.append(SMALL if small else LARGE)
        deltas += bytes([delta]) if small else struct.pack("!h", delta)
    body = struct.pack("!IIHHI", 7, 9, first & 0xFFFF, len(symbols), (reference & 0xFF_FFFF) << 8 | count & 0xFF)
    body += _chunks(symbols, form) + deltas
    return body + bytes(-len(body) % 4)


def _chunks(symbols: list[int], form: str) -> bytes:
    chunks, at = list[int](), 0
    while at < len(symbols):
        rest = symbols[at:]
        run = next((place for place, symbol in enumerate(rest) if symbol != rest[0]), len(rest))
        if form == "run" or (form == "shortest" and (run >= 14 or run == len(rest))):
            chunks.append(rest[0] << 13 | run)
            at += run
        elif form == "one-bit" or (form == "shortest" and LARGE not in rest[:14] and len(rest) > 7):
            assert LARGE not in rest[:14]
            chunks.append(0x8000 | sum(symbol << 13 - place for place, symbol in enumerate(rest[:14])))
            at += 14
        else:
            chunks.append(0xC000 | sum(symbol << 12 - 2 * place for place, symbol in enumerate(rest[:7])))
            at += 7
    return struct.pack(f"!{len(chunks)}H", *chunks)


class Link:
    """One queue in front of one rate. Everything may be changed while it runs.

    ``rate`` in bit/s, ``delay`` in µs one way, ``room`` the longest queue in octets, ``burst`` the octets that a token
    bucket lets through at once after a rest (tc-tbf(8)), ``loss`` and ``cross`` (bit/s of a neighbour's packets at a
    steady pace). With ``greedy`` the neighbour takes ever more until a packet of its own is dropped, then half.
    """

    def __init__(
        self,
        rate: int,
        *,
        delay: int = 20_000,
        room: int = 200_000,
        loss: float = 0.0,
        cross: int = 0,
        greedy: bool = False,
        burst: int = 0,
        seed: int = 1,
    ) -> None:
        self.burst, self._tokens = burst, 0
        self.rate, self.delay, self.room, self.loss, self.cross, self.greedy = rate, delay, room, loss, cross, greedy
        self._dice = random.Random(seed)
        self._queue: deque[list[int]] = deque()
        self._now = self._cross_at = 0
        self.queued = 0
        self.dropped = 0
        self.arrived: list[tuple[int, int]] = []

    @property
    def wait(self) -> int:
        """How long the queue is, in µs."""
        return self.queued * 8_000_000 // self.rate

    def send(self, number: int, size: int, now: int) -> None:
        self.run(now)
        if self._dice.random() >= self.loss:
            self._put(number, size, now)

    def run(self, now: int) -> None:
        """Lets time pass; what comes out at the other end is in ``arrived``: number and time."""
        if self.cross:
            self._cross_at = max(self._cross_at, self._now)
            while self._cross_at <= now:
                self._serve(self._cross_at)
                if not self._put(-1, 1000, self._cross_at) and self.greedy:
                    self.cross //= 2
                elif self.greedy:
                    self.cross += 2_000
                self._cross_at += 8_000_000_000 // max(self.cross, 10_000)
        self._serve(now)

    def _put(self, number: int, size: int, now: int) -> bool:
        if self.queued + size > self.room:
            self.dropped += number >= 0
            return False
        self._now = now if not self._queue else self._now
        self._queue.append([number, size, size * 8_000_000])
        self.queued += size
        return True

    def _serve(self, now: int) -> None:
        while self._queue and self._now < now:
            head = self._queue[0]
            spent = min(self._tokens, head[2])
            self._tokens -= spent
            head[2] -= spent
            step = min(now - self._now, -(-head[2] // self.rate))
            head[2] -= step * self.rate
            self._now += step
            if head[2] <= 0:
                self._queue.popleft()
                self.queued -= head[1]
                if head[0] >= 0:
                    self.arrived.append((head[0], self._now + self.delay))
        if now > self._now:
            self._tokens = min(self.burst * 8_000_000, self._tokens + (now - self._now) * self.rate)
            self._now = now


@dataclass
class Source:
    """Media of a relay: frames of several packets at once, 25 a second, and small packets of sound, 50 a second.

    ``rate`` tells how many bit/s of pictures are sent when so many may be.
    """

    rate: Callable[[int], int]
    sound: int = 40_000
    seed: int = 2

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._frame_at = self._sound_at = 0

    def packets(self, now: int, target: int) -> Iterator[int]:
        """Sizes of the packets to be sent now."""
        if self.sound and now >= self._sound_at:
            self._sound_at = now + 20_000
            yield self.sound // 400
        if now >= self._frame_at:
            self._frame_at = now + 40_000
            octets = int(self.rate(target) / 200 * self._dice.uniform(0.7, 1.3))
            while octets > 0:
                yield min(octets, 1_100) + 40
                octets -= 1_100


@dataclass(frozen=True)
class Moment:
    now: int
    target: int
    wait: int
    sent: int
    """Bit/s over the last step."""


@dataclass
class Path:
    """A relay's transport with its estimate and probes, a link, and a receiver that gives feedback 20 times a second.

    ``skew`` is what the receiver's clock gains, in parts per million; ``mute`` silences its feedback.
    """

    link: Link
    source: Source
    wanted: Callable[[int], int] = lambda _: 0
    skew: int = 0
    mute: bool = False
    feedback_loss: float = 0.0
    start: int = 7_000_000_000
    moments: list[Moment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.start
        self.log = SendLog(1)
        self.lane = self.log.take()
        self.estimate = Estimate(self.now)
        self.probe = Probe(self.log, self.lane, self.now)
        self.probes = 0
        self.octets = self.padding = 0
        self._dice = random.Random(3)
        self._here: dict[int, int] = {}
        self._told, self._count = 0, 0
        self._feedback_at = 0
        self._letters: deque[tuple[int, bytes]] = deque()
        self._tick_at = 0

    def send(self, size: int) -> None:
        number = self.log.stamp_one(self.lane, size, self.now)
        full = self.log.counts[self.lane] - 1 & 0xFFFF_FFFF
        assert full & 0xFFFF == number
        self.octets += size
        self.link.send(full, size, self.now)

    def run(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """Plays so many seconds in steps of 5 ms."""
        end = self.now + int(seconds * 1_000_000)
        while self.now < end:
            self.now += 5_000
            self.link.run(self.now)
            self._listen()
            if self.now >= self._tick_at:
                self._tick_at = self.now + 100_000
                self.estimate.tick(self.now, self.log.waiting(self.lane, self.now))
                self.probes += self.probe.due(self.now, self.estimate, self.wanted(self.estimate.target)) is not None
                each()
            before = self.octets
            for size in self.source.packets(self.now, self.estimate.target):
                self.send(size)
            while (owed := self.probe.owed(self.now)) > 0:
                size = min(1_200, max(owed, 300))
                self.padding += size
                self.send(size)
            rate = (self.octets - before) * 1_600
            self.moments.append(Moment(self.now, self.estimate.target, self.link.wait, rate))

    def last(self, seconds: float) -> list[Moment]:
        return self.moments[-int(seconds * 200) :]

    def _listen(self) -> None:
        arrived = [(number, at) for number, at in self.link.arrived if at <= self.now]
        self.link.arrived = [(number, at) for number, at in self.link.arrived if at > self.now]
        for number, at in arrived:
            self._here[number] = at + (at - self.start) * self.skew // 1_000_000 + 123_456_789
        if self.now >= self._feedback_at and self._here:
            self._feedback_at = self.now + 50_000
            last = max(self._here)
            first = min(self._told, *self._here)
            body = feedback(first, [self._here.get(number) for number in range(first, last + 1)], count=self._count)
            self._here, self._told, self._count = {}, last + 1, self._count + 1
            if not self.mute and self._dice.random() >= self.feedback_loss:
                self._letters.append((self.now + self.link.delay, body))
        while self._letters and self._letters[0][0] <= self.now:
            delivery = read(self.log, self.lane, self._letters.popleft()[1], self.now)
            if delivery is not None:
                self.estimate.heed(delivery, self.now)
                self.probe.heed(self.estimate, self.now)
