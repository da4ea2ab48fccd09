"""All that the clients of one process receive: counted in columns, a sample opened and compared, and reported.

As Chromium does: a receiver report a second, transport-wide feedback every 50 ms (its interval above 220 kbit/s), a
NACK for one packet in a thousand, a check every 2.5 s.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bench.load.feedback import OURS, PARTS, Feedback, transport_numbers
from bench.load.line import Ear
from bench.load.picture import read_audio, read_video
from bench.load.reports import nack, receiver_report
from bench.load.streams import KINDS, Kind, Streams
from bench.load.wire import Intake, Integers

TURN = 0.0125
"""Seconds between two sweeps."""

SECOND, CHECK = round(1 / TURN), round(2.5 / TURN)
SLOW = 8
"""Lines on which nothing is awaited are swept every eighth turn."""

NACKED = 1000
SENDER_REPORT = 200
VIDEO, AUDIO, REPAIR = (KINDS.index(kind) for kind in ("video", "audio", "repair"))


@dataclass
class Sample:
    """Packets that were opened: how many, how many differ from what was sent, and µs since they were made."""

    every: int = 1000
    compared: int = 0
    differing: int = 0
    refused: int = 0
    transits: list[int] = field(default_factory=list[int])


class Audience:
    """Lines are known by their number. ``focus`` names the group of lines from which media is awaited."""

    def __init__(self) -> None:
        self.lines: list[Ear] = []
        self.streams = Streams()
        self.sample = Sample()
        self.strange = self.nacks = 0
        self.focus = ""
        self._groups: list[str] = []
        self._open: set[int] = set()
        self._of_line: dict[int, list[int]] = {}
        self._intake = Intake(self._take)
        self._feedback = Feedback(self._write)
        self._turns = self._media = 0
        self._mono = 0

    @property
    def feedbacks(self) -> int:
        return self._feedback.written

    def add(self, line: Ear, group: str) -> int:
        number = len(self.lines)
        self.lines.append(line)
        self._groups.append(group)
        self._open.add(number)
        self._of_line[number] = []
        return number

    def expect(self, number: int, ssrc: int, kind: Kind, rate: int) -> None:
        """A stream that will come on a line."""
        self._of_line[number].append(self.streams.add(number, ssrc, kind, rate))

    def part(self, number: int) -> None:
        if number in self._open:
            self._open.remove(number)
            self.lines[number].close()

    def turn(self) -> None:
        """Every ``TURN``: empties the sockets, then writes what is due."""
        turn = self._turns = self._turns + 1
        self._mono = time.monotonic_ns() // 1000 - time.time_ns() // 1000
        now = time.monotonic_ns() // 1000
        groups, slow = self._groups, turn % SLOW == 0
        self._intake.sweep([(n, self.lines[n].descriptor) for n in self._open if slow or groups[n] == self.focus])
        self._feedback.flush(turn % PARTS)
        for number in [n for n in self._open if n % SECOND == turn % SECOND]:
            blocks = self.streams.blocks(self._of_line[number], now)
            if blocks:
                self.lines[number].send_rtcp(receiver_report(OURS, blocks[:31]))
        for number in [n for n in self._open if n % CHECK == turn % CHECK]:
            self.lines[number].check()
        if turn % 4 == 0:
            for number in self._open:
                line = self.lines[number]
                if line.inward is None:
                    line.tick()

    def reports_of(self, number: int) -> Callable[[bytes, int], None]:
        """Who hears the sender reports of a line."""

        def heard(compound: bytes, now: int) -> None:
            if len(compound) >= 28 and compound[1] == SENDER_REPORT:
                ssrc, ntp = struct.unpack_from(">IQ", compound, 4)
                self.streams.heed_report(number, ssrc, ntp, now)

        return heard

    def flowing(self, group: str) -> int:
        """How many lines of a group have received both picture and sound."""
        streams = self.streams
        seen = streams.received[: streams.count] > 0
        video, audio = (
            np.unique(streams.owner[: streams.count][seen & (streams.kind[: streams.count] == kind)])
            for kind in (VIDEO, AUDIO)
        )
        return sum(1 for number in np.intersect1d(video, audio).tolist() if self._groups[number] == group)

    def received(self, group: str) -> dict[str, int]:
        """Packets and bytes (as they came: sealed) that the lines of a group have received."""
        streams = self.streams
        mine = np.array([self._groups[owner] == group for owner in streams.owner[: streams.count].tolist()], bool)
        media = mine & (streams.kind[: streams.count] != REPAIR)
        return {
            "media": int(streams.received[: streams.count][media].sum()),
            "repairs": int(streams.received[: streams.count][mine & ~media].sum()),
            "octets": int(streams.octets[: streams.count][media].sum()),
        }

    def _take(self, rows: int, owners: Integers) -> None:
        matrix, lengths = self._intake.matrix.bytes, self._intake.lengths(rows)
        arrivals = self._intake.arrivals(rows)
        now = time.monotonic_ns() // 1000
        arrivals = np.where(arrivals > 0, arrivals + self._mono, now)
        first, second = matrix[:rows, 0], matrix[:rows, 1]
        media = (first >= 128) & ((second < 192) | (second > 223)) & (lengths >= 12)
        for row in np.flatnonzero(~media & (lengths > 0)).tolist():
            self.lines[int(owners[row])].heard(matrix[row, : lengths[row]].tobytes(), int(arrivals[row]))
        self._count(np.flatnonzero(media), owners, lengths, arrivals)

    def _count(self, rows: Integers, owners: Integers, lengths: Integers, arrivals: Integers) -> None:
        matrix = self._intake.matrix.bytes
        streams = self.streams.find(owners[rows], matrix.view(">u4")[rows, 2].astype(np.int64))
        self.strange += int((streams < 0).sum())
        rows, streams = rows[streams >= 0], streams[streams >= 0]
        if not len(rows):
            return
        sequences = matrix.view(">u2")[rows, 1].astype(np.int64)
        stamps = matrix.view(">u4")[rows, 1].astype(np.int64)
        self.streams.note(streams, sequences, stamps, arrivals[rows], lengths[rows])
        numbers = transport_numbers(matrix, rows)
        told = numbers >= 0
        if told.any():
            self._feedback.note(owners[rows][told], numbers[told], arrivals[rows][told])
        self._ask_again(streams, owners[rows], sequences)
        self._open_sample(rows, streams, owners, lengths, arrivals)
        self._media += len(rows)

    def _ask_again(self, streams: Integers, owners: Integers, sequences: Integers) -> None:
        """NACKs one packet in a thousand, as if it had been lost."""
        video = np.flatnonzero(self.streams.kind[streams] == VIDEO)
        for at in video[(self._media + video) % NACKED == NACKED // 2].tolist():
            line = self.lines[owners[at]]
            if line.outward is not None:
                line.send_rtcp(nack(OURS, int(self.streams.ssrc[streams[at]]), int(sequences[at])))
                self.nacks += 1

    def _open_sample(
        self, rows: Integers, streams: Integers, owners: Integers, lengths: Integers, arrivals: Integers
    ) -> None:
        chosen = np.flatnonzero((self._media + np.arange(len(rows))) % self.sample.every == 0)
        for at in chosen.tolist():
            row, line = int(rows[at]), self.lines[owners[rows[at]]]
            if line.inward is None:
                continue
            size = line.inward.open(self._intake.matrix.packets[row], int(lengths[row]))
            if not size:
                self.sample.refused += 1
                continue
            kind = int(self.streams.kind[streams[at]])
            payload = _payload(self._intake.matrix.bytes[row, :size].tobytes(), repeated=kind == REPAIR)
            if not payload:
                continue
            mark = read_audio(payload) if kind == AUDIO else read_video(payload)
            self.sample.compared += 1
            if mark is None:
                self.sample.differing += 1
            elif kind != REPAIR:
                self.sample.transits.append(int(arrivals[row]) - mark.made_at // 1000)

    def _write(self, owner: int, compound: bytes) -> None:
        self.lines[owner].send_rtcp(compound)


def _payload(packet: bytes, *, repeated: bool) -> bytes:
    """The payload of an opened RTP packet; of a repetition what it repeats (RFC 4588). Empty when it is padding."""
    start = 12 + 4 * (packet[0] & 15)
    if packet[0] & 0x10:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    end = len(packet) - (packet[-1] if packet[0] & 0x20 else 0)
    return packet[start + (2 if repeated else 0) : end]
