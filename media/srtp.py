"""SRTP in place (RFC 3711): libsrtp works on the relay's own buffers, through pylibsrtp's binding.

The module's functions copy each packet twice; here a packet is sealed and opened where it lies.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pylibsrtp

_binding: Any = import_module("pylibsrtp._binding")
_ffi, _lib = _binding.ffi, _binding.lib
protect: Any = _lib.srtp_protect
"""Session, pointer to the packet, pointer to its length: seals in place; not zero where it cannot."""
_unprotect: Any = _lib.srtp_unprotect
_protect_rtcp: Any = _lib.srtp_protect_rtcp
_unprotect_rtcp: Any = _lib.srtp_unprotect_rtcp

ROOM = 160
"""Bytes that sealing may add at most: authentication tag, key identifier and, for RTCP, the index."""


class Buffer:
    """A buffer for one datagram, which libsrtp reads and writes."""

    __slots__ = ("address", "bytes", "length", "pointer", "view")

    def __init__(self, size: int = 2048) -> None:
        self.bytes = bytearray(size)
        self.view = memoryview(self.bytes)
        self.pointer: Any = _ffi.from_buffer("char[]", self.bytes)
        self.address = int(_ffi.cast("uintptr_t", self.pointer))
        self.length: Any = _ffi.new("int *")


class Direction:
    """One direction of a transport's SRTP: a session of pylibsrtp, used through its handle. ``tag``:
    bytes that sealing an RTP packet adds; ``profile``: what the handshake agreed on, for operators."""

    __slots__ = ("_session", "handle", "profile", "refused", "tag")

    def __init__(self, session: pylibsrtp.Session, tag: int, profile: str = "") -> None:
        self._session, self.tag, self.profile = session, tag, profile
        self.handle: Any = session._srtp[0]  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue]
        self.refused = 0

    def seal(self, buffer: Buffer, size: int) -> int:
        """Seals the RTP packet of ``size`` bytes. Returns its new size, 0 if it cannot be sealed."""
        return self._work(protect, buffer, size)

    def seal_rtcp(self, buffer: Buffer, size: int) -> int:
        return self._work(_protect_rtcp, buffer, size)

    def open(self, buffer: Buffer, size: int) -> int:
        """Opens the packet. Returns its new size, 0 if it is forged, repeated or broken."""
        length = buffer.length
        length[0] = size
        if _unprotect(self.handle, buffer.pointer, length):
            self.refused += 1
            return 0
        return length[0]

    def open_rtcp(self, buffer: Buffer, size: int) -> int:
        length = buffer.length
        length[0] = size
        if _unprotect_rtcp(self.handle, buffer.pointer, length):
            self.refused += 1
            return 0
        return length[0]

    def forget(self, ssrc: int) -> None:
        """Drops a stream that has ended: libsrtp finds streams by linear search."""
        try:
            self._session.remove_stream(ssrc)
        except pylibsrtp.Error:
            return

    def _work(self, work: Any, buffer: Buffer, size: int) -> int:
        length = buffer.length
        length[0] = size
        if work(self.handle, buffer.pointer, length):
            self.refused += 1
            return 0
        return length[0]
