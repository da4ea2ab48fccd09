"""The VP8 payload descriptor (RFC 7741 section 4.2), as far as forwarding needs it."""

from __future__ import annotations

from media.rtp import Packet


def describe(packet: Packet) -> None:
    """Sets ``key`` (this packet begins a key frame), ``begins``, the temporal layer, and where the numbers stand.

    ``picture_at`` and ``tl0_at`` are offsets into the payload of PictureID and TL0PICIDX, -1 where absent or where the
    descriptor is cut short.
    """
    view, start, end = packet.view, packet.start, packet.end
    packet.key = packet.begins = packet.sync = False
    packet.temporal = 0
    packet.picture = packet.picture_at = packet.tl0 = packet.tl0_at = -1
    if start >= end:
        return
    first, at = view[start], start + 1
    if first & 0x80:
        if at >= end:
            return
        flags = view[at]
        at += 1
        if flags & 0x80:
            if at + 1 >= end:
                return
            packet.picture_at = at - start
            if view[at] & 0x80:
                packet.picture = (view[at] & 0x7F) << 8 | view[at + 1]
                at += 2
            else:
                packet.picture = view[at]
                at += 1
        if flags & 0x40:
            if at >= end:
                return
            packet.tl0_at, packet.tl0 = at - start, view[at]
            at += 1
        if flags & 0x30:
            if at >= end:
                return
            if flags & 0x20:
                packet.temporal, packet.sync = view[at] >> 6, bool(view[at] & 0x20)
            at += 1
    packet.begins = first & 0x17 == 0x10
    packet.key = packet.begins and at < end and not view[at] & 0x01


def height(packet: Packet) -> int:
    """Lines of the picture that begins with this packet of a key frame (RFC 6386 section 9.1); 0 if it does not say."""
    view, at = packet.view, packet.start + _descriptor(packet)
    if at + 10 > packet.end or bytes(view[at + 3 : at + 6]) != _START_CODE:
        return 0
    return (view[at + 8] | view[at + 9] << 8) & 0x3FFF


def renumber(payload: bytearray, at: int, packet: Packet, picture_offset: int, tl0_offset: int) -> None:
    """Moves the picture numbers of the packet's payload, which begins at ``at``; a 7-bit PictureID stays so."""
    if packet.picture_at >= 0:
        place, picture = at + packet.picture_at, packet.picture + picture_offset
        if payload[place] & 0x80:
            payload[place] = 0x80 | picture >> 8 & 0x7F
            payload[place + 1] = picture & 0xFF
        else:
            payload[place] = picture & 0x7F
    if packet.tl0_at >= 0:
        payload[at + packet.tl0_at] = packet.tl0 + tl0_offset & 0xFF


_START_CODE = b"\x9d\x01\x2a"


def _descriptor(packet: Packet) -> int:
    """Bytes of the payload descriptor."""
    view, at = packet.view, packet.start
    if not view[at] & 0x80:
        return 1
    flags, size = view[at + 1], 2
    if flags & 0x80:
        size += 2 if view[at + 2] & 0x80 else 1
    return size + (1 if flags & 0x40 else 0) + (1 if flags & 0x30 else 0)
