"""A thin link in virtual time, and the feedback of the receiver behind it, written by hand from the draft."""

from __future__ import annotations

import struct
from collections.abc import Sequence

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
