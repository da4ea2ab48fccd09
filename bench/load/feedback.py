"""Transport-wide feedback of many clients: arrivals are gathered in columns and written together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from bench.load.reports import REFERENCE, TICK, feedback, whole_feedback
from bench.load.wire import Bytes, Integers

TRANSPORT_CC = 5
"""The number of the header extension in what the relay sends (``GET /api/rtp-capabilities``)."""

PARTS = 4
"""Clients write in turns: a part of them each time, so that their feedback does not come in one burst."""

OURS = 1
"""The SSRC under which clients report."""


class Feedback:
    """``write(owner, compound)`` sends. A client whose packets carry no numbers writes nothing, as a browser would."""

    def __init__(self, write: Callable[[int, bytes], None]) -> None:
        self.written = 0
        self._write = write
        self._pending: list[list[tuple[Integers, Integers, Integers]]] = [[] for _ in range(PARTS)]
        self._next: dict[int, int] = {}
        self._number: dict[int, int] = {}

    def note(self, owners: Integers, numbers: Integers, arrivals: Integers) -> None:
        """``numbers``: 16-bit transport-wide sequence numbers; ``arrivals`` in µs."""
        for part in range(PARTS):
            mine = owners % PARTS == part
            if mine.any():
                self._pending[part].append((owners[mine], numbers[mine], arrivals[mine]))

    def forget(self) -> None:
        """What has been noted is told to nobody."""
        self._pending = [[] for _ in range(PARTS)]

    def flush(self, part: int) -> None:
        """Writes for every client of a part what came since the last time."""
        noted, self._pending[part] = self._pending[part], []
        if not noted:
            return
        owners, numbers, arrivals = (np.concatenate(columns) for columns in zip(*noted, strict=True))
        for owner, first, ticks, times in self._by_owner(owners, numbers, arrivals):
            self._one(owner, first, ticks, times)

    def _by_owner(
        self, owners: Integers, numbers: Integers, arrivals: Integers
    ) -> Iterator[tuple[int, Integers, Integers, Integers]]:
        """Owner, unwrapped numbers in order, the steps between their ticks, and their times."""
        begins = np.unique(owners, return_index=True)
        base = np.zeros(int(owners.max()) + 1, np.int64)
        for owner, at in zip(begins[0].tolist(), begins[1].tolist(), strict=True):
            base[owner] = self._next.get(owner, int(numbers[at]))
        own = base[owners]
        unwrapped = own + ((numbers - own + 0x8000) & 0xFFFF) - 0x8000
        order = np.lexsort((unwrapped, owners))
        owners, unwrapped, arrivals = owners[order], unwrapped[order], arrivals[order]
        ticks = arrivals // TICK
        steps = np.diff(ticks, prepend=0)
        edges = np.flatnonzero(np.diff(owners, prepend=-1))
        steps[edges] = ticks[edges] % REFERENCE
        bounds = [*edges.tolist(), len(owners)]
        for begin, end in pairwise(bounds):
            yield int(owners[begin]), unwrapped[begin:end], steps[begin:end], arrivals[begin:end]

    def _one(self, owner: int, numbers: Integers, steps: Integers, arrivals: Integers) -> None:
        first, count = int(numbers[0]), len(numbers)
        number = self._number.get(owner, 0)
        self._number[owner] = number + 1
        expected = self._next.get(owner, first)
        whole = first == expected and int(numbers[-1]) - first == count - 1
        if whole and int(steps.min()) >= 0 and int(steps.max()) <= 255:
            reference = int(arrivals[0]) // (TICK * REFERENCE)
            deltas = steps.astype(np.uint8).tobytes()
            compound = whole_feedback(OURS, 0, number, first=first, reference=reference, deltas=deltas)
        else:
            told = dict(zip(numbers.tolist(), arrivals.tolist(), strict=True))
            begin = min(first, expected) if expected - first < count else first
            compound = feedback(OURS, 0, number, begin, [told.get(at) for at in range(begin, int(numbers[-1]) + 1)])
        self._next[owner] = int(numbers[-1]) + 1
        self._write(owner, compound)
        self.written += 1


def extension_at(packet: Bytes, id: int = TRANSPORT_CC) -> int:
    """Where the value of a one-byte header extension (RFC 8285) begins; -1 when the packet has it not."""
    if not packet[0] & 0x10:
        return -1
    at = 12 + 4 * int(packet[0] & 15)
    if packet[at] != 0xBE or packet[at + 1] != 0xDE:
        return -1
    end = at + 4 + 4 * (int(packet[at + 2]) << 8 | int(packet[at + 3]))
    at += 4
    while at < min(end, len(packet)):
        head = int(packet[at])
        at += 1
        if head == 0:
            continue
        if head >> 4 == id:
            return at
        at += (head & 15) + 1
    return -1


def transport_numbers(matrix: Bytes, rows: Integers, id: int = TRANSPORT_CC) -> Integers:
    """The transport-wide sequence number of each packet; -1 where it has none.

    Packets of one payload type are alike, so the place found in the first holds for most; the others are read singly.
    """
    numbers = np.full(len(rows), -1, np.int64)
    types = matrix[rows, 1] & 0x7F
    for kind in np.unique(types).tolist():
        mine = np.flatnonzero(types == kind)
        at = extension_at(matrix[rows[mine[0]]], id)
        if at < 0:
            continue
        alike = (matrix[rows[mine], at - 1] == (id << 4 | 1)) & (matrix[rows[mine], 0] & 0x10 != 0)
        same = mine[alike]
        numbers[same] = matrix[rows[same], at].astype(np.int64) << 8 | matrix[rows[same], at + 1]
        for other in mine[~alike].tolist():
            place = extension_at(matrix[rows[other]], id)
            if place >= 0:
                numbers[other] = int(matrix[rows[other], place]) << 8 | int(matrix[rows[other], place + 1])
    return numbers
