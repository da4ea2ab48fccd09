"""Where packets for many receivers are written, sealed and sent: one matrix, one system call for many datagrams.

The rows of the matrix are packets, a receiver's packets one after another. What all receivers get alike is copied by
one broadcast assignment, what differs is written by columns (``relay.md``); no object is made per packet. Where a
receiver gets several packets at once that are about equally long, they leave as one message that the kernel cuts into
datagrams (GSO, ``udp(7)``): the shorter are padded by some bytes (RFC 3550 section 5.1) to be equal.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from media import syscalls
from media.lot import HEAD, LEVEL_AT, NUMBER_AT, Lot
from media.sendlog import SendLog
from media.srtp import protect
from media.syscalls import ffi

if TYPE_CHECKING:
    from media.encoding import Encoding

log = logging.getLogger("nghisu.relay.wire")

ROWS = 256
"""Packets written before they are sealed and sent; 400 kB stay in the processor's second cache."""
STRIDE = 1552
"""Header, the largest payload of a ring and the longest tag."""
MOST = 32
"""Packets that one receiver gets in one batch."""
SLACK = 32
"""One byte of padding for so many bytes at most."""

Outgoing = tuple[int, int, int, int, int, int, int, int, int, int]
"""A packet of a fan: number, row of the ring, size, time stamp, marker, audio level (-1: none),
picture, its place, TL0PICIDX, its place (-1: none)."""


@dataclass(slots=True)
class Sent:
    """What has left since the start."""

    packets: int = 0
    messages: int = 0
    unsent: int = 0
    unsealed: int = 0


_UNSEGMENTED = (errno.EIO, errno.EINVAL, errno.EMSGSIZE)
"""Nothing is segmented here; or, EMSGSIZE, not on this path, which is narrower than the segment."""

Run = tuple[int, int, int]
"""Packets of a batch that leave as one message: the first, how many, and the size to which all but the last are
padded."""


def runs(sizes: Sequence[int]) -> list[Run]:
    """Groups packets, in their order, that are about equally long; the last of a group may be shorter. Pure."""
    made: list[Run] = []
    first = 0
    while first < len(sizes):
        low = high = sizes[first]
        end = first + 1
        while end < len(sizes) and end - first < syscalls.SEGMENTS:
            lowest, highest = min(low, sizes[end]), max(high, sizes[end])
            if highest - lowest > highest // SLACK:
                break
            low, high, end = lowest, highest, end + 1
        if end < len(sizes) and sizes[end] < low and end - first < syscalls.SEGMENTS:
            end += 1
        made.append((first, end - first, high))
        first = end
    return made


class Wire:
    """``fd``: the media port's socket, whose addresses have ``name_size`` bytes. ``segments`` falls for good where the
    kernel refuses to segment."""

    def __init__(self, fd: int, name_size: int, sendlog: SendLog) -> None:
        self.sent = Sent()
        self.segments = True
        self.due: list[Encoding] = []
        """Encodings whose packets wait to be sent."""
        self._fd, self._sendlog, self._name_size = fd, sendlog, name_size
        self._bytes = np.zeros((ROWS, STRIDE), np.uint8)
        self._shorts, self._words = self._bytes.view(">u2"), self._bytes.view(">u4")
        memory = ffi.from_buffer("char[]", self._bytes.data.cast("B"))
        self._view = self._bytes.data.cast("B")
        self._pointers = [memory + row * STRIDE for row in range(ROWS)]
        self._lengths_memory = ffi.new("int[]", ROWS)
        self._length_pointers = [self._lengths_memory + row for row in range(ROWS)]
        self._lengths = np.frombuffer(ffi.buffer(self._lengths_memory), np.int32)
        self._parts_memory = ffi.new("struct iovec[]", ROWS)
        parts = np.frombuffer(ffi.buffer(self._parts_memory), np.uint64).reshape(ROWS, 2)
        parts[:, 0] = int(ffi.cast("uintptr_t", memory)) + STRIDE * np.arange(ROWS, dtype=np.uint64)
        self._part_sizes = parts[:, 1]
        self._parts_at = int(ffi.cast("uintptr_t", self._parts_memory))
        self._messages_memory = ffi.new("struct mmsghdr[]", ROWS)
        self._messages = np.frombuffer(ffi.buffer(self._messages_memory), np.uint64).reshape(ROWS, 8)
        self._messages[:, 1] = name_size
        self._single = ffi.new("struct mmsghdr[]", 1)
        self._single_part = ffi.new("struct iovec *")
        single_name = ffi.new("char[]", syscalls.NAME_SIZE)
        self._single_name = ffi.buffer(single_name)
        header = self._single[0].msg_hdr
        header.msg_name, header.msg_namelen = single_name, name_size
        header.msg_iov, header.msg_iovlen = self._single_part, 1
        self._controls: dict[int, int] = {}
        self._controls_memory: list[Any] = []

    def send(self, datagram: bytes | memoryview, name: bytes) -> bool:
        """Sends one datagram; ``False`` where the kernel has no room or no way."""
        held = ffi.from_buffer("char[]", datagram)
        self._single_name[0 : len(name)] = name
        self._single_part.iov_base, self._single_part.iov_len = held, len(datagram)
        return syscalls.sendmmsg(self._fd, self._single, 1, 0) == 1

    def flush(self, now: int) -> None:
        """Everything that came is on its way: called when the port has read what there was."""
        due = self.due
        if due:
            self.due = []
            for encoding in due:
                encoding.flush(now)

    def fan_out(
        self, memory: NDArray[np.uint8], packets: Sequence[Outgoing], lot: Lot, now: int, *, begins: bool = False
    ) -> None:
        """Sends packets, whose payloads are rows of ``memory``, to every receiver of the lot. ``begins``: the first of
        them begins a talkspurt (RFC 3551 section 4.1)."""
        for start in range(0, len(packets), MOST):
            some = packets[start : start + MOST]
            self._fan_out(memory, some, lot, now, begins=begins and not start)

    def _fan_out(
        self, memory: NDArray[np.uint8], packets: Sequence[Outgoing], lot: Lot, now: int, *, begins: bool
    ) -> None:
        count = len(packets)
        sizes = [packet[2] for packet in packets]
        groups: list[Run] = []
        if count > 1 and self.segments:
            groups = runs(sizes)
            padded = [HEAD + size for size in sizes]
            for first, length, size in groups:
                padded[first : first + length - 1] = [HEAD + size] * (length - 1)
        else:
            groups = [(place, 1, sizes[place]) for place in range(count)]
            padded = [HEAD + size for size in sizes]
        step = ROWS // count
        for top in range(0, lot.size, step):
            bottom = min(top + step, lot.size)
            receivers = range(top, bottom)
            if count == 1:
                self._write_one(memory, packets[0], lot, receivers, begins=begins)
            else:
                self._write(memory, packets, lot, receivers, padded)
                if begins:
                    self._bytes[: len(receivers) * count : count, 1] |= 0x80
            if lot.numbered:
                on_wire = [size + lot.tag for size in padded]
                numbers = self._sendlog.stamp(lot.lanes[top:bottom], on_wire, now)
                self._shorts[: len(receivers) * count, NUMBER_AT // 2] = numbers.reshape(-1)
            self._launch(lot, receivers, padded, groups)

    def _write(
        self, memory: NDArray[np.uint8], packets: Sequence[Outgoing], lot: Lot, receivers: range, padded: Sequence[int]
    ) -> None:
        """Fills the matrix: a receiver's packets one after another."""
        count, top, bottom = len(packets), receivers.start, receivers.stop
        filled = len(receivers) * count
        table = self._bytes[:filled].reshape(-1, count, STRIDE)
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

    def _write_one(
        self, memory: NDArray[np.uint8], packet: Outgoing, lot: Lot, receivers: range, *, begins: bool
    ) -> None:
        """Fills the matrix with one packet for every receiver."""
        rows, top, bottom = len(receivers), receivers.start, receivers.stop
        size, column = packet[2], self._bytes[:rows]
        column[:, :HEAD] = lot.heads[top:bottom]
        self._shorts[:rows, 1] = lot.offsets[top:bottom, 0] + packet[0]
        self._words[:rows, 1] = lot.stamps[top:bottom, 0] + packet[3]
        column[:, HEAD : HEAD + size] = memory[packet[1], :size]
        if begins and not packet[4]:
            column[:, 1] |= 0x80
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

    def _launch(self, lot: Lot, receivers: range, padded: Sequence[int], groups: Sequence[Run]) -> None:
        """Seals what is written and sends it."""
        count, rows, top, bottom = len(padded), len(receivers), receivers.start, receivers.stop
        filled = rows * count
        if count == 1:
            self._lengths[:filled] = padded[0]
        else:
            self._lengths[:filled].reshape(rows, count)[:] = padded
        handles = lot.handles(count)
        if rows != lot.size:
            handles = handles[top * count : bottom * count]
        failed = any(list(map(protect, handles, self._pointers, self._length_pointers)))
        self._part_sizes[:filled] = self._lengths[:filled]
        if failed or lot.streams:
            self._launch_singly(lot, receivers, [size + lot.tag for size in padded])
            return
        messages, at = self._messages, 0
        prepared = lot.messages.get(count)
        if prepared is None:
            prepared = lot.messages[count] = self._prepared(lot, count)
        for first, length, size in groups:
            end = at + rows
            messages[at:end] = prepared[top:bottom]
            if length != count:
                messages[at:end, 2] += 16 * first
                messages[at:end, 3] = length
            if length > 1:
                messages[at:end, 4:6] = self._control(HEAD + size + lot.tag), _CONTROL_SIZE
            at = end
        self.sent.packets += filled
        self.sent.messages += at
        self._send(at, groups)

    def _prepared(self, lot: Lot, count: int) -> NDArray[np.uint64]:
        """Message headers of a batch in which every receiver gets so many packets at once."""
        made = np.zeros((lot.size, 8), np.uint64)
        made[:, 0] = lot.where
        made[:, 1] = self._name_size
        made[:, 2] = self._parts_at + 16 * count * (np.arange(lot.size, dtype=np.uint64) % (ROWS // count))
        made[:, 3] = count
        return made

    def _send(self, count: int, groups: Sequence[Run]) -> None:
        done = 0
        while done < count:
            made = syscalls.sendmmsg(self._fd, self._messages_memory + done, count - done, 0)
            if made > 0:
                done += made
                continue
            error = syscalls.errno()
            if error in _UNSEGMENTED and self._messages[done, 5]:
                if error != errno.EMSGSIZE and self.segments:
                    name = errno.errorcode[error]
                    log.warning("the kernel refuses to segment (%s); every packet leaves by itself", name)
                    self.segments = False
                self._send_parts(done)
            else:
                self.sent.unsent += int(self._messages[done, 3])
            done += 1

    def _send_parts(self, message: int) -> None:
        """Sends the packets of a message that the kernel does not segment one by one."""
        name, part, length = (int(value) for value in self._messages[message, [0, 2, 3]])
        header = self._single[0].msg_hdr
        before = header.msg_name, header.msg_iov
        header.msg_name = ffi.cast("void *", name)
        for place in range(length):
            header.msg_iov = ffi.cast("struct iovec *", part + 16 * place)
            if syscalls.sendmmsg(self._fd, self._single, 1, 0) != 1:
                self.sent.unsent += 1
        header.msg_name, header.msg_iov = before

    def _launch_singly(self, lot: Lot, receivers: range, sealed: Sequence[int]) -> None:
        """Where some receivers are not reached by datagrams, or some packets could not be sealed."""
        messages, at, packet = self._messages, 0, -1
        for row in receivers:
            for place in range(len(sealed)):
                packet += 1
                size = int(self._lengths[packet])
                if size != sealed[place]:
                    self.sent.unsealed += 1
                elif not lot.outlets[row].name:
                    lot.outlets[row].send_sealed(self._view[packet * STRIDE : packet * STRIDE + size])
                    self.sent.packets += 1
                else:
                    messages[at, 0] = lot.where[row]
                    messages[at, 2] = self._parts_at + 16 * packet
                    messages[at, 3:6] = 1, 0, 0
                    at += 1
        self.sent.packets += at
        self.sent.messages += at
        self._send(at, ())

    def _control(self, size: int) -> int:
        """The address of the ancillary data that asks for segments of this size."""
        found = self._controls.get(size)
        if found is None:
            made = ffi.new("char[]", _CONTROL_SIZE)
            _CONTROL.pack_into(ffi.buffer(made), 0, _CONTROL_LENGTH, syscalls.SOL_UDP, syscalls.UDP_SEGMENT, size)
            self._controls_memory.append(made)
            found = self._controls[size] = int(ffi.cast("uintptr_t", made))
        return found


_CONTROL = Struct("=QiiH")
_CONTROL_LENGTH, _CONTROL_SIZE = 18, 24
"""CMSG_LEN and CMSG_SPACE of the two bytes of a segment size."""
