"""What many clients have received, a column for each stream; numbers are unwrapped."""

from __future__ import annotations

from typing import Literal

import numpy as np

from bench.load.reports import Block
from bench.load.wire import Integers

Kind = Literal["video", "audio", "repair"]
KINDS: tuple[Kind, ...] = ("video", "audio", "repair")
_UNSEEN = 1 << 62


class Streams:
    """A stream is known by whose it is (``owner``) and its SSRC."""

    def __init__(self, capacity: int = 16_384) -> None:
        self.count = 0
        self.owner, self.ssrc, self.kind, self.rate, self.received, self.octets = _columns(6, capacity)
        self.first, self.highest = np.full(capacity, _UNSEEN, np.int64), np.full(capacity, -1, np.int64)
        self._transit, self._report, self._report_at, self._expected_before, self._received_before = _columns(
            5, capacity
        )
        self._jitter = np.zeros(capacity, np.float64)
        self._keys: Integers = np.zeros(0, np.int64)
        self._order: Integers = np.zeros(0, np.int64)

    def add(self, owner: int, ssrc: int, kind: Kind, rate: int) -> int:
        """Raises ``IndexError`` when there are more streams than the columns hold."""
        made = self.count
        self.owner[made], self.ssrc[made], self.kind[made], self.rate[made] = owner, ssrc, KINDS.index(kind), rate
        self.count += 1
        return made

    def find(self, owners: Integers, ssrcs: Integers) -> Integers:
        """The stream of each packet, -1 where it was not told."""
        if len(self._keys) != self.count:
            keys = self.owner[: self.count] << 32 | self.ssrc[: self.count]
            self._order = np.argsort(keys).astype(np.int64)
            self._keys = keys[self._order]
        if not self.count:
            return np.full(len(owners), -1, np.int64)
        wanted = owners << 32 | ssrcs
        at = np.searchsorted(self._keys, wanted)
        at[at == self.count] = 0
        return np.where(self._keys[at] == wanted, self._order[at], -1)

    def note(
        self, streams: Integers, sequences: Integers, stamps: Integers, arrivals: Integers, sizes: Integers
    ) -> None:
        """Counts packets of known streams, in the order in which they came."""
        new = self.highest[streams] < 0
        base = self.highest[streams]
        if new.any():
            begun, at = np.unique(streams[new], return_index=True)
            base[new] = sequences[new][at][np.searchsorted(begun, streams[new])]
        unwrapped = base + ((sequences - base + 0x8000) & 0xFFFF) - 0x8000
        np.maximum.at(self.highest, streams, unwrapped)
        if new.any():
            np.minimum.at(self.first, streams[new], unwrapped[new])
        self.received[: self.count] += np.bincount(streams, minlength=self.count)
        self.octets[: self.count] += np.bincount(streams, sizes, minlength=self.count).astype(np.int64)
        transit = arrivals * self.rate[streams] // 1_000_000 - stamps
        change = np.abs((transit - self._transit[streams] + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000)
        change = np.where(new, 0, change)
        self._jitter[streams] += (change - self._jitter[streams]) / 16
        self._transit[streams] = transit

    def heed_report(self, owner: int, ssrc: int, ntp: int, now: int) -> None:
        """A sender report came: its middle 32 bits are told back (RFC 3550 section 6.4.1)."""
        for stream in self.find(np.array([owner]), np.array([ssrc])):
            if stream >= 0:
                self._report[stream], self._report_at[stream] = ntp >> 16 & 0xFFFF_FFFF, now

    def blocks(self, streams: list[int], now: int) -> list[Block]:
        """What is to be reported of those that have received anything."""
        return [self._block(stream, now) for stream in streams if self.received[stream]]

    def lost(self) -> int:
        """Packets that never came, by the gaps in the numbers of media streams."""
        seen = (self.highest[: self.count] >= 0) & (self.kind[: self.count] != KINDS.index("repair"))
        expected = self.highest[: self.count] - self.first[: self.count] + 1
        return int((expected - self.received[: self.count])[seen].sum())

    def total(self, *kinds: Kind) -> int:
        wanted = np.isin(self.kind[: self.count], [KINDS.index(kind) for kind in kinds])
        return int(self.received[: self.count][wanted].sum())

    def _block(self, stream: int, now: int) -> Block:
        expected = int(self.highest[stream] - self.first[stream]) + 1
        received = int(self.received[stream])
        interval = expected - int(self._expected_before[stream])
        missing = interval - (received - int(self._received_before[stream]))
        self._expected_before[stream], self._received_before[stream] = expected, received
        report = int(self._report[stream])
        return Block(
            ssrc=int(self.ssrc[stream]),
            fraction=max(0, missing) * 256 // interval if interval > 0 else 0,
            lost=max(0, expected - received),
            highest=int(self.highest[stream]),
            jitter=int(self._jitter[stream]),
            last_report=report,
            since_report=(now - int(self._report_at[stream])) * 65536 // 1_000_000 if report else 0,
        )


def _columns(count: int, capacity: int) -> list[Integers]:
    return [np.zeros(capacity, np.int64) for _ in range(count)]
