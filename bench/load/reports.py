"""The RTCP that a receiving browser writes (RFC 3550 section 6, RFC 4585, the transport-wide feedback draft). Pure."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

TICK = 250
"""Microseconds: the unit of arrival times in transport-wide feedback."""

REFERENCE = 256
"""Ticks: the unit of its reference time (64 ms)."""

_FEEDBACK = struct.Struct(">BBHIIHHI")
_BLOCK = struct.Struct(">IIIIII")


@dataclass(frozen=True, slots=True)
class Block:
    """What is reported of one stream. ``since_report`` is in units of 1/65536 s."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    since_report: int

    def pack(self) -> bytes:
        return _BLOCK.pack(
            self.ssrc,
            (self.fraction & 0xFF) << 24 | self.lost & 0xFF_FFFF,
            self.highest & 0xFFFF_FFFF,
            self.jitter & 0xFFFF_FFFF,
            self.last_report,
            self.since_report & 0xFFFF_FFFF,
        )


def receiver_report(ssrc: int, blocks: Sequence[Block]) -> bytes:
    head = struct.pack(">BBHI", 0x80 | len(blocks), 201, 1 + 6 * len(blocks), ssrc)
    return head + b"".join(block.pack() for block in blocks)


def sender_report(ssrc: int, *, ntp: int, stamp: int, packets: int, octets: int, cname: bytes) -> bytes:
    """With the source description that must go with it."""
    body = struct.pack(">IQIII", ssrc, ntp, stamp & 0xFFFF_FFFF, packets & 0xFFFF_FFFF, octets & 0xFFFF_FFFF)
    chunk = struct.pack(">IBB", ssrc, 1, len(cname)) + cname + b"\0"
    chunk += bytes(-len(chunk) % 4)
    return struct.pack(">BBH", 0x80, 200, 6) + body + struct.pack(">BBH", 0x81, 202, len(chunk) // 4) + chunk


def nack(ssrc: int, media: int, sequence: int) -> bytes:
    """Asks for one packet again."""
    return struct.pack(">BBHIIHH", 0x81, 205, 3, ssrc, media, sequence & 0xFFFF, 0)


def picture_loss(ssrc: int, media: int) -> bytes:
    return struct.pack(">BBHII", 0x81, 206, 2, ssrc, media)


def feedback(ssrc: int, media: int, number: int, first: int, arrivals: Sequence[int | None]) -> bytes:
    """Transport-wide feedback about the packets from sequence number ``first`` on: µs of arrival, ``None`` where lost.

    ``number`` counts the feedback packets. The first packet has arrived.
    """
    ticks = [None if arrival is None else arrival // TICK for arrival in arrivals]
    begin = next(tick for tick in ticks if tick is not None)
    reference = begin // REFERENCE
    before, symbols, deltas = reference * REFERENCE, list[int](), list[bytes]()
    for tick in ticks:
        if tick is None:
            symbols.append(0)
            continue
        delta, before = tick - before, tick
        small = 0 <= delta <= 255
        symbols.append(1 if small else 2)
        deltas.append(bytes([delta]) if small else struct.pack(">h", max(-32768, min(32767, delta))))
    rest = _chunks(symbols) + b"".join(deltas)
    return _feedback(ssrc, media, number, first=first, count=len(symbols), reference=reference, rest=rest)


def whole_feedback(ssrc: int, media: int, number: int, *, first: int, reference: int, deltas: bytes) -> bytes:
    """The common case: nothing lost and all steps small, one run-length chunk. ``deltas`` are below 8192."""
    count = len(deltas)
    rest = struct.pack(">H", 0x2000 | count) + deltas
    return _feedback(ssrc, media, number, first=first, count=count, reference=reference, rest=rest)


def _feedback(ssrc: int, media: int, number: int, *, first: int, count: int, reference: int, rest: bytes) -> bytes:
    padding = -len(rest) % 4
    words = (_FEEDBACK.size + len(rest) + padding) // 4 - 1
    return (
        _FEEDBACK.pack(
            0xAF if padding else 0x8F,
            205,
            words,
            ssrc,
            media,
            first & 0xFFFF,
            count,
            (reference & 0xFF_FFFF) << 8 | number & 0xFF,
        )
        + rest
        + (bytes(padding - 1) + bytes([padding]) if padding else b"")
    )


def _chunks(symbols: Sequence[int]) -> bytes:
    """Runs of 7 and more as run-length chunks, the rest in vectors of seven two-bit symbols."""
    made, at = list[int](), 0
    while at < len(symbols):
        run = 1
        while at + run < len(symbols) and symbols[at + run] == symbols[at] and run < 8191:
            run += 1
        if run >= 7 or at + run == len(symbols):
            made.append(symbols[at] << 13 | run)
            at += run
        else:
            vector = [*symbols[at : at + 7], *[0] * 7][:7]
            made.append(0xC000 | sum(symbol << 12 - 2 * place for place, symbol in enumerate(vector)))
            at += 7
    return struct.pack(f">{len(made)}H", *made)
