"""H.264 payloads (RFC 6184), as far as forwarding needs them."""

from __future__ import annotations

from media.rtp import Packet

SPS = 7
STAP_A = 24


def describe(packet: Packet) -> None:
    """Sets ``key``: whether a decoder may begin here, which is where a sequence parameter set stands."""
    view, start, end = packet.view, packet.start, packet.end
    packet.picture = packet.picture_at = packet.tl0 = packet.tl0_at = -1
    packet.key = packet.begins = packet.sync = False
    packet.temporal = 0
    if start >= end:
        return
    kind = view[start] & 0x1F
    if kind == SPS:
        packet.key = True
    elif kind == STAP_A:
        at = start + 1
        while at + 2 < end:
            if view[at + 2] & 0x1F == SPS:
                packet.key = True
                return
            at += 2 + (view[at] << 8 | view[at + 1])
