"""Plain RTP as the relay sends it to the recorder (RFC 3550, RFC 8285), and the one RTCP packet that goes back."""

from __future__ import annotations

import struct
from typing import NamedTuple

ARRIVAL_ID = 1
"""Header extension: arrival at the relay, microseconds of CLOCK_MONOTONIC, 8 bytes big-endian (``media.messages``)."""

_HEAD = struct.Struct("!BBHII")
_PLI = struct.Struct("!BBHII")


class Packet(NamedTuple):
    """One RTP packet. ``arrival`` is microseconds of the machine's monotonic clock, at the relay."""

    ssrc: int
    seq: int
    timestamp: int
    marker: bool
    arrival: int
    payload: bytes


def parse(data: bytes) -> Packet:
    """Raises ``ValueError`` when the datagram is not RTP with an arrival time."""
    size = len(data)
    if size < 12 or data[0] >> 6 != 2:
        raise ValueError("not RTP")
    first, second, seq, timestamp, ssrc = _HEAD.unpack_from(data)
    at = 12 + 4 * (first & 0x0F)
    arrival = None
    if first & 0x10:
        if at + 4 > size:
            raise ValueError("header extension cut off")
        profile, words = struct.unpack_from("!HH", data, at)
        at += 4
        stop = at + 4 * words
        if stop > size:
            raise ValueError("header extension cut off")
        if profile == 0xBEDE:
            arrival = _arrival(data, at, stop)
        at = stop
    if arrival is None:
        raise ValueError("no arrival time")
    end = size - data[-1] if first & 0x20 else size
    if at > end or (first & 0x20 and data[-1] == 0):
        raise ValueError("padding longer than the packet")
    return Packet(ssrc, seq, timestamp, second >> 7 == 1, arrival, data[at:end])


def _arrival(data: bytes, at: int, stop: int) -> int | None:
    """The element ``ARRIVAL_ID`` among one-byte elements (RFC 8285, section 4.2)."""
    while at < stop:
        head = data[at]
        if head == 0:
            at += 1
            continue
        size = (head & 0x0F) + 1
        if head >> 4 == 15 or at + 1 + size > stop:
            return None
        if head >> 4 == ARRIVAL_ID and size == 8:
            return int.from_bytes(data[at + 1 : at + 9], "big")
        at += 1 + size
    return None


def picture_loss(sender: int, media: int) -> bytes:
    """A picture loss indication (RFC 4585, section 6.3.1) for the stream ``media``."""
    return _PLI.pack(0x81, 206, 2, sender, media)
