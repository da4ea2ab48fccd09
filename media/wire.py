"""Where packets for many receivers are sealed and sent: one system call for many datagrams.

Where a receiver gets several packets at once that are about equally long, they leave as one message that the kernel
cuts into datagrams (GSO, ``udp(7)``): the shorter are padded by some bytes (RFC 3550 section 5.1) to be equal.
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
from media.lot import HEAD, Lot
from media.matrix import ROWS, STRIDE, Matrix, Outgoing
from media.sendlog import SendLog
from media.srtp import protect
from media.syscalls import ffi

if TYPE_CHECKING:
    from media.encoding import Encoding

log = logging.getLogger("nghisu.relay.wire")

MOST = 32
"""Packets that one receiver gets in one batch."""
SLACK = 32
"""One byte of padding for so many bytes at most."""


@dataclass(slots=True)
class Sent:
    """What has left since the start."""

    packets: int = 0
    sent_octets: int = 0
    """Of datagrams, without the headers of UDP and IP."""
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


class Messages:
    """Message headers for ``sendmmsg(2)``; a row of ``table`` is one: address of the name, its size, address of the
    vectors, how many, address of the ancillary data, its size, flags, what was sent."""

    __slots__ = ("memory", "table")

    def __init__(self, count: int, name_size: int) -> None:
        self.memory: Any = ffi.new("struct mmsghdr[]", count)
        self.table: NDArray[np.uint64] = np.frombuffer(ffi.buffer(self.memory), np.uint64).reshape(count, 8)
        self.table[:, 1] = name_size


class Wire:
    """``fd``: the media port's socket, whose addresses have ``name_size`` bytes. ``segments`` falls for good where the
    kernel refuses to segment."""

    def __init__(self, fd: int, name_size: int, sendlog: SendLog) -> None:
        self.sent = Sent()
        self.segments = True
        self.due: list[Encoding] = []
        """Encodings whose packets wait to be sent."""
        self._fd, self._name_size = fd, name_size
        self._matrix = Matrix(sendlog)
        self._messages = Messages(ROWS, name_size)
        self._single = ffi.new("struct mmsghdr[]", 1)
        self._single_part = ffi.new("struct iovec *")
        single_name = ffi.new("char[]", syscalls.NAME_SIZE)
        self._single_name = ffi.buffer(single_name)
        header = self._single[0].msg_hdr
        header.msg_name, header.msg_namelen = single_name, name_size
        header.msg_iov, header.msg_iovlen = self._single_part, 1
        self._controls: dict[int, int] = {}
        self._controls_memory: list[Any] = []
        self._control = self._new_control(0)
        self._control_view = memoryview(ffi.buffer(self._controls_memory[0]))

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
        if count == 1:
            size = packets[0][2]
            groups, padded = [(0, 1, size)], [HEAD + size]
        else:
            sizes = [packet[2] for packet in packets]
            groups = runs(sizes) if self.segments else [(place, 1, size) for place, size in enumerate(sizes)]
            padded = [HEAD + size for size in sizes]
            for first, length, size in groups:
                padded[first : first + length - 1] = [HEAD + size] * (length - 1)
        step = ROWS // count
        for top in range(0, lot.size, step):
            receivers = range(top, min(top + step, lot.size))
            self._matrix.write(memory, packets, lot, receivers, padded=padded, now=now)
            if begins:
                self._matrix.begin(len(receivers) * count, count)
            self._launch(lot, receivers, padded, groups)

    def _launch(self, lot: Lot, receivers: range, padded: Sequence[int], groups: Sequence[Run]) -> None:
        """Seals what is written and sends it."""
        count, rows, top, bottom = len(padded), len(receivers), receivers.start, receivers.stop
        matrix, handles = self._matrix, lot.handles(count)
        if rows != lot.size:
            handles = handles[top * count : bottom * count]
        failed = any(list(map(protect, handles, matrix.pointers, matrix.length_pointers)))
        if failed or lot.streams:
            self._launch_singly(lot, receivers, [size + lot.tag for size in padded])
            return
        prepared = lot.messages.get(count)
        if prepared is None:
            prepared = lot.messages[count] = self._prepared(lot, count)
        self.sent.packets += rows * count
        self.sent.sent_octets += rows * (sum(padded) + count * lot.tag)
        if len(groups) == 1:
            if count > 1:
                _SIZE.pack_into(self._control_view, _SIZE_AT, HEAD + groups[0][2] + lot.tag)
            self.sent.messages += rows
            self._send(prepared, top, bottom)
            return
        table, at = self._messages.table, 0
        for first, length, size in groups:
            end = at + rows
            table[at:end] = prepared.table[top:bottom]
            table[at:end, 2] += 16 * first
            table[at:end, 3] = length
            table[at:end, 4:6] = (self._control_for(HEAD + size + lot.tag), _CONTROL_SIZE) if length > 1 else (0, 0)
            at = end
        self.sent.messages += at
        self._send(self._messages, 0, at)

    def _prepared(self, lot: Lot, count: int) -> Messages:
        """Message headers of a batch in which every receiver gets so many packets at once, as one message."""
        made = Messages(lot.size, self._name_size)
        made.table[:, 0] = lot.where
        made.table[:, 2] = self._matrix.parts + 16 * count * (np.arange(lot.size, dtype=np.uint64) % (ROWS // count))
        made.table[:, 3] = count
        if count > 1:
            made.table[:, 4:6] = self._control, _CONTROL_SIZE
        return made

    def _send(self, messages: Messages, begin: int, end: int) -> None:
        memory, table = messages.memory, messages.table
        while begin < end:
            made = syscalls.sendmmsg(self._fd, memory + begin, end - begin, 0)
            if made > 0:
                begin += made
                continue
            error = syscalls.errno()
            if error in _UNSEGMENTED and table[begin, 5]:
                if error != errno.EMSGSIZE and self.segments:
                    name = errno.errorcode[error]
                    log.warning("the kernel refuses to segment (%s); every packet leaves by itself", name)
                    self.segments = False
                self._send_parts(table[begin])
            else:
                self.sent.unsent += int(table[begin, 3])
            begin += 1

    def _send_parts(self, message: NDArray[np.uint64]) -> None:
        """Sends the packets of a message that the kernel does not segment one by one."""
        name, part, length = (int(value) for value in message[[0, 2, 3]])
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
        matrix, table, at, packet = self._matrix, self._messages.table, 0, -1
        for row in receivers:
            for place in range(len(sealed)):
                packet += 1
                size = int(matrix.lengths[packet])
                if size != sealed[place]:
                    self.sent.unsealed += 1
                elif not lot.outlets[row].name:
                    lot.outlets[row].send_sealed(matrix.view[packet * STRIDE : packet * STRIDE + size])
                    self.sent.packets += 1
                    self.sent.sent_octets += size
                else:
                    self.sent.sent_octets += size
                    table[at, 0] = lot.where[row]
                    table[at, 2] = matrix.parts + 16 * packet
                    table[at, 3:6] = 1, 0, 0
                    at += 1
        self.sent.packets += at
        self.sent.messages += at
        self._send(self._messages, 0, at)

    def _control_for(self, size: int) -> int:
        """The address of the ancillary data that asks for segments of this size."""
        found = self._controls.get(size)
        if found is None:
            found = self._controls[size] = self._new_control(size)
        return found

    def _new_control(self, size: int) -> int:
        made = ffi.new("char[]", _CONTROL_SIZE)
        _CONTROL.pack_into(ffi.buffer(made), 0, _CONTROL_LENGTH, syscalls.SOL_UDP, syscalls.UDP_SEGMENT, size)
        self._controls_memory.append(made)
        return int(ffi.cast("uintptr_t", made))


_CONTROL, _SIZE, _SIZE_AT = Struct("=QiiH"), Struct("=H"), 16
_CONTROL_LENGTH, _CONTROL_SIZE = 18, 24
"""CMSG_LEN and CMSG_SPACE of the two bytes of a segment size."""
