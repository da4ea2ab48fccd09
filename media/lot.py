"""Receivers of one fan-out as the rows of arrays: what differs from one receiver to the next, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from media.ortc import Codec
from media.syscalls import NAME_SIZE, ffi

if TYPE_CHECKING:
    from media.slot import Slot
    from media.wire import Messages

Row = tuple[int, bytes, int, int, int, int, int, int, int]
"""A receiver: first octet of the header, its octets 8 to 19, head of the level, level of silence, offsets of sequence
number, time stamp, picture and TL0PICIDX, lane."""

HEAD = 24
"""Bytes of every outgoing header: twelve fixed, four of the extension's own, eight of its elements."""
NUMBER_AT = 20
"""Where the transport-wide sequence number stands: after the mid."""
LEVEL_AT = 23
"""Where the audio level stands; the byte before it is its element's header."""


class Outlet(Protocol):
    """Where a slot sends: the transport of its browser. ``lane`` is its place in the send log."""

    lane: int
    numbered: bool
    """Whether packets bear transport-wide sequence numbers."""

    @property
    def handle(self) -> Any:
        """libsrtp's session of the outgoing direction."""
        ...

    @property
    def tag(self) -> int:
        """Bytes that sealing adds to a packet."""
        ...

    @property
    def name(self) -> bytes:
        """The peer's socket address as the kernel reads it; empty where it is no datagram socket's."""
        ...

    def send_rtp(self, size: int) -> None:
        """Seals and sends the packet in the ``outgoing`` buffer."""
        ...

    def send_sealed(self, datagram: memoryview) -> None:
        """Sends a sealed packet where ``name`` is empty."""
        ...

    def send_rtcp(self, compound: bytes) -> None: ...


class Lot:
    """``slots`` all have the same kind of header, payload type and seal, and each is of another transport.

    ``offsets``, ``stamps``, ``pictures`` and ``tl0s`` are columns, so that they broadcast over the packets of a batch.
    """

    __slots__ = (
        "_handles",
        "_repeated",
        "_singly",
        "heads",
        "lanes",
        "levels",
        "messages",
        "names",
        "numbered",
        "offsets",
        "outlets",
        "payload_type",
        "pictures",
        "size",
        "stamps",
        "streams",
        "tag",
        "tl0s",
        "where",
    )

    def __init__(self, slots: list[Slot], payload_type: int) -> None:
        segments = [slot.segment for slot in slots]
        outlets = [slot.outlet for slot in slots]
        self.size = len(slots)
        self.numbered, self.tag = outlets[0].numbered, outlets[0].tag
        self.levels = bool(slots[0].head[LEVEL_AT - 1])
        heads = bytearray().join(slot.head for slot in slots)
        heads[1::HEAD] = bytes([payload_type]) * self.size
        self.heads = np.frombuffer(heads, np.uint8).reshape(self.size, HEAD)
        self.offsets = _column(segment.offset for segment in segments)
        self.stamps = _column(segment.stamp_offset for segment in segments)
        self.pictures = _column(segment.picture_offset for segment in segments)
        self.tl0s = _column(segment.tl0_offset for segment in segments)
        self.lanes = np.fromiter((outlet.lane for outlet in outlets), np.int64, self.size)
        self.outlets = outlets
        names = [outlet.name for outlet in outlets]
        self.streams = [row for row, name in enumerate(names) if not name]
        self.names = np.frombuffer(b"".join(name.ljust(NAME_SIZE, b"\0") for name in names), np.uint8)
        base = int(ffi.cast("uintptr_t", ffi.from_buffer(self.names)))
        self.where = base + NAME_SIZE * np.arange(self.size, dtype=np.uint64)
        """Addresses of the socket addresses."""
        self._handles = [outlet.handle for outlet in outlets]
        self._repeated: dict[int, list[Any]] = {1: self._handles}
        self.payload_type = payload_type
        self._singly: list[Row] | None = None
        self.messages: dict[int, Messages] = {}
        """What the wire has prepared, by the number of packets in a message."""

    def handles(self, packets: int) -> list[Any]:
        """Every receiver's session, as often in a row as there are packets."""
        found = self._repeated.get(packets)
        if found is None:
            found = self._repeated[packets] = [handle for handle in self._handles for _ in range(packets)]
        return found

    def singly(self) -> list[Row]:
        """What the arrays hold, receiver by receiver."""
        if self._singly is None:
            columns = (self.offsets, self.stamps, self.pictures, self.tl0s, self.lanes)
            numbers = zip(*(column.reshape(-1).tolist() for column in columns), strict=True)
            heads = map(bytes, self.heads)
            self._singly = [
                (head[0], head[8:NUMBER_AT], head[LEVEL_AT - 1], head[LEVEL_AT], *own)
                for head, own in zip(heads, numbers, strict=True)
            ]
        return self._singly


def lots(slots: Iterable[Slot], codec: Codec) -> list[Lot]:
    """Parts slots by what is written for all alike, so that no transport is twice in one lot."""
    parts: dict[tuple[bool, bool, int, int, int], list[Slot]] = {}
    times: dict[int, int] = {}
    for slot in slots:
        outlet = slot.outlet
        time = times[id(outlet)] = times.get(id(outlet), -1) + 1
        payload_type = slot.receiving.numbers.types[codec]
        alike = outlet.numbered, bool(slot.head[LEVEL_AT - 1]), outlet.tag, payload_type, time
        parts.setdefault(alike, []).append(slot)
    return [Lot(part, alike[3]) for alike, part in parts.items()]


def _column(values: Iterable[int]) -> NDArray[np.int64]:
    return np.fromiter(values, np.int64).reshape(-1, 1)
