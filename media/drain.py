"""Takes what lies in the port's socket, many datagrams by one system call (``recvmmsg(2)``)."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np

from media import syscalls
from media.srtp import Buffer
from media.syscalls import NAME_SIZE, ffi

DATAGRAMS = 64


class Drain:
    """``full``: the last ``take`` found as many as it could hold, so that more may lie there."""

    def __init__(self, fd: int, name_size: int) -> None:
        self.full = False
        self._fd, self._name_size = fd, name_size
        self._buffers = [Buffer() for _ in range(DATAGRAMS)]
        self._names = bytearray(DATAGRAMS * NAME_SIZE)
        names = ffi.from_buffer("char[]", self._names)
        self._parts = ffi.new("struct iovec[]", DATAGRAMS)
        self._messages = ffi.new("struct mmsghdr[]", DATAGRAMS)
        for place, buffer in enumerate(self._buffers):
            self._parts[place].iov_base = ffi.cast("void *", int(buffer.address))
            self._parts[place].iov_len = len(buffer.bytes)
            header = self._messages[place].msg_hdr
            header.msg_name, header.msg_namelen = names + place * NAME_SIZE, name_size
            header.msg_iov, header.msg_iovlen = self._parts + place, 1
        self._sizes = np.frombuffer(ffi.buffer(self._messages), np.uint32).reshape(DATAGRAMS, -1)[:, 14]

    def take(self) -> Iterator[tuple[Buffer, int, bytes]]:
        """Buffer, size and sender's socket address of each; the buffers are written anew by the next call."""
        count = syscalls.recvmmsg(self._fd, self._messages, DATAGRAMS, socket.MSG_DONTWAIT, ffi.NULL)
        self.full = count == DATAGRAMS
        if count <= 0:
            return
        names, size = bytes(self._names[: count * NAME_SIZE]), self._name_size
        at = 0
        for buffer, length in zip(self._buffers, self._sizes[:count].tolist(), strict=False):
            yield buffer, length, names[at : at + size]
            at += NAME_SIZE
