"""RTP packets, read where they lie (RFC 3550 section 5.1, header extensions of RFC 8285).

One ``Packet`` object serves a whole relay: it is filled anew for every packet, so that no object is made per packet.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct

HEADER = Struct("!BBHII")
"""Flags, marker and payload type, sequence number, time stamp, SSRC."""

_EXTENSION = Struct("!HH")
_PLAIN = 0x90
"""Version 2 with a header extension, without padding and contributing sources."""
ONE_BYTE = 0xBEDE
"""Profile of header extensions with one-byte headers (RFC 8285 section 4.2); two-byte headers are 0x100*."""

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
ABSOLUTE_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"

SILENT = 127
"""The audio level of silence, in −dBov (RFC 6464 section 3)."""


class ExtensionIds:
    """The numbers that one sender gave to the header extensions which the relay reads; 0 where it uses none."""

    __slots__ = ("audio_level", "layouts", "mid", "repaired_rid", "rid", "transport_cc")

    def __init__(self) -> None:
        self.layouts: dict[int, Layout] = {}
        """How the last packet of each stream was laid out: the next one nearly always is so too."""
        self.mid = self.rid = self.repaired_rid = self.audio_level = self.transport_cc = 0

    def learn(self, ids: Mapping[str, int]) -> None:
        """Takes URI → id over. All media of one transport share them (BUNDLE, RFC 8843 section 9.2)."""
        self.mid = ids.get(MID, self.mid)
        self.rid = ids.get(RID, self.rid)
        self.repaired_rid = ids.get(REPAIRED_RID, self.repaired_rid)
        self.layouts.clear()
        self.audio_level = ids.get(AUDIO_LEVEL, self.audio_level)
        self.transport_cc = ids.get(TRANSPORT_CC, self.transport_cc)


class Layout:
    """A header extension as one packet of a stream had it: where its elements stand, and what must be the same.

    ``fixed`` are stretches of the header (from, to, bytes): heads of elements, and names as a whole.
    """

    __slots__ = ("fixed", "level_at", "mid", "number_at", "repaired_rid", "rid", "start")

    def __init__(self) -> None:
        self.fixed: list[tuple[int, int, bytearray]] = []
        self.start = self.level_at = self.number_at = 0
        self.mid = self.rid = self.repaired_rid = b""

    def fix(self, buffer: bytearray, at: int, to: int) -> None:
        """This stretch must be the same."""
        if self.fixed and self.fixed[-1][1] == at:
            at = self.fixed.pop()[0]
        self.fixed.append((at, to, buffer[at:to]))


class Packet:
    """The packet at hand. ``view[start:end]`` is its payload; what a packet does not carry is -1 (``mid``, ``rid``:
    empty).

    ``number`` counts the packets of a stream without gaps that are ours (``stream.py``); ``arrival`` is in
    microseconds of ``CLOCK_MONOTONIC``. What the codec tells is set by the encoding: ``key`` (a decoder may begin
    here), ``begins`` (a frame begins), ``temporal`` (the layer, 0 is the base), ``sync`` (one may go up to this layer
    here), and VP8's picture numbers with their places in the payload.
    """

    __slots__ = (
        "arrival",
        "begins",
        "end",
        "key",
        "level",
        "marker",
        "mid",
        "number",
        "payload_type",
        "picture",
        "picture_at",
        "repaired_rid",
        "rid",
        "sequence",
        "ssrc",
        "start",
        "sync",
        "temporal",
        "timestamp",
        "tl0",
        "tl0_at",
        "transport_sequence",
        "view",
    )

    def __init__(self) -> None:
        self.view = memoryview(b"")
        self.sequence = self.timestamp = self.ssrc = self.payload_type = self.marker = 0
        self.start = self.end = self.number = self.arrival = 0
        self.transport_sequence = self.level = -1
        self.mid = self.rid = self.repaired_rid = b""
        self.key = self.begins = self.sync = False
        self.temporal = 0
        self.picture = self.picture_at = self.tl0 = self.tl0_at = -1

    def read(self, buffer: bytearray, size: int, ids: ExtensionIds) -> bool:
        """Reads the header of the packet in ``buffer[:size]``. Returns whether it is a whole RTP packet."""
        if size < HEADER.size:
            return False
        flags, second, self.sequence, self.timestamp, self.ssrc = HEADER.unpack_from(buffer)
        if flags >> 6 != 2:
            return False
        self.marker, self.payload_type = second & 0x80, second & 0x7F
        layout = ids.layouts.get(self.ssrc) if flags == _PLAIN else None
        if layout is not None and size >= layout.start:
            for at, to, known in layout.fixed:
                if buffer[at:to] != known:
                    break
            else:
                at = layout.number_at
                self.transport_sequence = buffer[at] << 8 | buffer[at + 1] if at else -1
                self.level = buffer[layout.level_at] & 0x7F if layout.level_at else -1
                self.mid, self.rid, self.repaired_rid = layout.mid, layout.rid, layout.repaired_rid
                self.start, self.end = layout.start, size
                return True
        self.transport_sequence = self.level = -1
        self.mid = self.rid = self.repaired_rid = b""
        start = HEADER.size + 4 * (flags & 0x0F)
        if flags & 0x10:
            if start + _EXTENSION.size > size:
                return False
            profile, words = _EXTENSION.unpack_from(buffer, start)
            first = start + _EXTENSION.size
            start = first + 4 * words
            if start > size:
                return False
            if profile == ONE_BYTE:
                layout = ids.layouts[self.ssrc] = Layout()
                layout.start = start
                layout.fix(buffer, first - _EXTENSION.size, first)
                self._read_one_byte(buffer, first, start, ids, layout)
                layout.mid, layout.rid, layout.repaired_rid = self.mid, self.rid, self.repaired_rid
            elif profile >> 4 == 0x100:
                self._read_two_byte(buffer, first, start, ids)
        if start > size:
            return False
        if flags & 0x20:
            padding = buffer[size - 1] if size > start else 0
            if not 0 < padding <= size - start:
                return False
            size -= padding
        self.start, self.end = start, size
        return True

    def _read_one_byte(self, buffer: bytearray, at: int, end: int, ids: ExtensionIds, layout: Layout) -> None:
        while at < end:
            head = buffer[at]
            at += 1
            if head == 0:
                layout.fix(buffer, at - 1, at)
                continue
            if head >> 4 == 15:
                return
            length = (head & 0x0F) + 1
            if at + length > end:
                return
            layout.fix(buffer, at - 1, at + length if head >> 4 in (ids.mid, ids.rid, ids.repaired_rid) else at)
            if head >> 4 == ids.transport_cc and length >= 2:
                layout.number_at = at
            elif head >> 4 == ids.audio_level:
                layout.level_at = at
            self._element(buffer, head >> 4, at, length, ids)
            at += length

    def _read_two_byte(self, buffer: bytearray, at: int, end: int, ids: ExtensionIds) -> None:
        while at < end:
            head = buffer[at]
            at += 1
            if head == 0:
                continue
            if at >= end:
                return
            length = buffer[at]
            at += 1
            if at + length > end:
                return
            self._element(buffer, head, at, length, ids)
            at += length

    def _element(self, buffer: bytearray, id: int, at: int, length: int, ids: ExtensionIds) -> None:
        if id == ids.transport_cc and length >= 2:
            self.transport_sequence = buffer[at] << 8 | buffer[at + 1]
        elif id == ids.audio_level and length >= 1:
            self.level = buffer[at] & 0x7F
        elif id == ids.mid:
            self.mid = bytes(buffer[at : at + length])
        elif id == ids.rid:
            self.rid = bytes(buffer[at : at + length])
        elif id == ids.repaired_rid:
            self.repaired_rid = bytes(buffer[at : at + length])
