"""Where outgoing packets are written: the rows of one matrix, a receiver's packets one after another.

For many receivers what all get alike is copied by one broadcast assignment, and what differs is written by columns
(``relay.md``). For a few, each packet is written by itself: an array operation costs as much for ten rows as for a
hundred, and a relay that has just been woken finds the code of every further operation cold.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from media.lot import HEAD, LEVEL_AT, NUMBER_AT, Lot
from media.sendlog import SendLog
from media.syscalls import ffi

ROWS = 256
"""Packets written before they are sealed and sent; 400 kB stay in the processor's second cache."""
STRIDE = 1552
"""Header, the largest payload of a ring and the longest tag."""
FEW = 32
"""Up to so many packets are written one by one."""

Outgoing = tuple[int, int, int, int, int, int, int, int, int, int]
"""A packet of a fan: number, row of the ring, size, time stamp, marker, audio level (-1: none),
picture, its place, TL0PICIDX, its place (-1: none)."""

_HEAD = Struct("!BBHI12sHBB")
"""Flags, type, sequence number, time stamp, what never changes, transport-wide number, level with its head."""


class Matrix:
    """``pointers`` and ``lengths`` are what sealing takes, ``sizes`` what ``sendmmsg`` takes: of each row. ``parts`` is
    the address of the vectors of the rows (``iovec``, 16 octets each)."""

    def __init__(self, log: SendLog) -> None:
        self._log = log
        self.bytes = np.zeros((ROWS, STRIDE), np.uint8)
        self._shorts, self._words = self.bytes.view(">u2"), self.bytes.view(">u4")
        self.view = self.bytes.data.cast("B")
        memory = ffi.from_buffer("char[]", self.view)
        self.pointers = [memory + row * STRIDE for row in range(ROWS)]
        lengths = ffi.new("int[]", ROWS)
        self.length_pointers: list[Any] = [lengths + row for row in range(ROWS)]
        self.lengths = np.frombuffer(ffi.buffer(lengths), np.int32)
        self._parts = ffi.new("struct iovec[]", ROWS)
        parts = np.frombuffer(ffi.buffer(self._parts), np.uint64).reshape(ROWS, 2)
        parts[:, 0] = int(ffi.cast("uintptr_t", memory)) + STRIDE * np.arange(ROWS, dtype=np.uint64)
        self.sizes = parts[:, 1]
        self.parts = int(ffi.cast("uintptr_t", self._parts))
        self._length_view = self.lengths.data
        self._size_view = parts.reshape(-1).data

    def write(
        self,
        memory: NDArray[np.uint8],
        packets: Sequence[Outgoing],
        lot: Lot,
        receivers: range,
        *,
        padded: Sequence[int],
        now: int,
    ) -> None:
        """Packets, whose payloads are rows of ``memory``, for some receivers of a lot. ``padded``: the size of each
        with its header and the padding that makes it as long as others."""
        count, rows = len(packets), len(receivers)
        if rows * count <= FEW:
            self._write_singly(memory, packets, lot, receivers, padded=padded, now=now)
            return
        filled = rows * count
        if count == 1:
            self._write_one(memory, packets[0], lot, receivers)
            self.lengths[:filled] = padded[0]
            self.sizes[:filled] = padded[0] + lot.tag
        else:
            self._write_all(memory, packets, lot, receivers, padded)
            self.lengths[:filled].reshape(rows, count)[:] = padded
            self.sizes[:filled] = self.lengths[:filled] + lot.tag
        if lot.numbered:
            on_wire = [size + lot.tag for size in padded]
            numbers = self._log.stamp(lot.lanes[receivers.start : receivers.stop], on_wire, now)
            self._shorts[:filled, NUMBER_AT // 2] = numbers.reshape(-1)

    def begin(self, rows: int, step: int) -> None:
        """Marks every so many packets as the first of a talkspurt (RFC 3551 section 4.1)."""
        self.bytes[:rows:step, 1] |= 0x80

    def _write_singly(
        self,
        memory: NDArray[np.uint8],
        packets: Sequence[Outgoing],
        lot: Lot,
        receivers: range,
        *,
        padded: Sequence[int],
        now: int,
    ) -> None:
        view, lengths, sizes = self.view, self._length_view, self._size_view
        log, tag, levels, payload_type = self._log if lot.numbered else None, lot.tag, lot.levels, lot.payload_type
        payloads = [memory[packet[1], : packet[2]].data for packet in packets]
        row = at = 0
        for flags, fixed, level_head, silent, offset, stamp_offset, pictures, tl0s, lane in lot.singly()[
            receivers.start : receivers.stop
        ]:
            for packet, payload, end in zip(packets, payloads, padded, strict=True):
                number, _, size, stamp, marker, level, picture, picture_at, tl0, tl0_at = packet
                begin = at + HEAD
                _HEAD.pack_into(
                    view,
                    at,
                    flags if end == HEAD + size else flags | 0x20,
                    marker | payload_type,
                    number + offset & 0xFFFF,
                    stamp + stamp_offset & 0xFFFF_FFFF,
                    fixed,
                    log.stamp_one(lane, end + tag, now) if log is not None else 0,
                    level_head,
                    level if level >= 0 and levels else silent,
                )
                view[begin : begin + size] = payload
                if picture_at >= 0:
                    place, picture = begin + picture_at, picture + pictures
                    if payload[picture_at] & 0x80:
                        view[place] = picture >> 8 & 0x7F | 0x80
                        view[place + 1] = picture & 0xFF
                    else:
                        view[place] = picture & 0x7F
                if tl0_at >= 0:
                    view[begin + tl0_at] = tl0 + tl0s & 0xFF
                if end != HEAD + size:
                    padding = end - HEAD - size
                    view[begin + size : at + end] = bytes(padding - 1) + bytes((padding,))
                lengths[row] = end
                sizes[2 * row + 1] = end + tag
                row += 1
                at += STRIDE

    def _write_all(
        self,
        memory: NDArray[np.uint8],
        packets: Sequence[Outgoing],
        lot: Lot,
        receivers: range,
        padded: Sequence[int],
    ) -> None:
        count, top, bottom = len(packets), receivers.start, receivers.stop
        filled = len(receivers) * count
        table = self.bytes[:filled].reshape(-1, count, STRIDE)
        shorts = self._shorts[:filled].reshape(-1, count, STRIDE // 2)
        words = self._words[:filled].reshape(-1, count, STRIDE // 4)
        table[:, :, :HEAD] = lot.heads[top:bottom, None]
        shorts[:, :, 1] = lot.offsets[top:bottom] + np.array([packet[0] for packet in packets])
        words[:, :, 1] = lot.stamps[top:bottom] + np.array([packet[3] for packet in packets])
        for place, packet in enumerate(packets):
            size, end = packet[2], padded[place]
            column = table[:, place]
            column[:, HEAD : HEAD + size] = memory[packet[1], :size]
            if end - HEAD != size:
                column[:, 0] = 0xB0
                column[:, HEAD + size : end - 1] = 0
                column[:, end - 1] = end - HEAD - size
            self._write_rest(column, memory, packet, lot, slice(top, bottom))

    def _write_one(self, memory: NDArray[np.uint8], packet: Outgoing, lot: Lot, receivers: range) -> None:
        rows, top, bottom = len(receivers), receivers.start, receivers.stop
        size, column = packet[2], self.bytes[:rows]
        column[:, :HEAD] = lot.heads[top:bottom]
        self._shorts[:rows, 1] = lot.offsets[top:bottom, 0] + packet[0]
        self._words[:rows, 1] = lot.stamps[top:bottom, 0] + packet[3]
        column[:, HEAD : HEAD + size] = memory[packet[1], :size]
        self._write_rest(column, memory, packet, lot, slice(top, bottom))

    @staticmethod
    def _write_rest(
        column: NDArray[np.uint8], memory: NDArray[np.uint8], packet: Outgoing, lot: Lot, receivers: slice
    ) -> None:
        """What only some packets have: marker, level, picture numbers."""
        _, row, _, _, marker, level, picture, picture_at, tl0, tl0_at = packet
        if marker:
            column[:, 1] |= 0x80
        if level >= 0 and lot.levels:
            column[:, LEVEL_AT] = level
        if picture_at >= 0:
            at, moved = HEAD + picture_at, lot.pictures[receivers, 0] + picture
            if memory[row, picture_at] & 0x80:
                column[:, at] = moved >> 8 & 0x7F | 0x80
                column[:, at + 1] = moved
            else:
                column[:, at] = moved & 0x7F
        if tl0_at >= 0:
            column[:, HEAD + tl0_at] = lot.tl0s[receivers, 0] + tl0
