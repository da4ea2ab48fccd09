"""Many datagrams with one system call: ``recvmmsg`` and ``sendmmsg`` over matrices, one row a datagram."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

import cffi
import numpy as np
import numpy.typing as npt

from bench.load.keys import ffi as srtp_ffi

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

STRIDE = 1536
"""Bytes of a row; no datagram is longer."""

ROWS = 2048
BATCH = 32
"""Datagrams taken from one socket at once."""

RECEIVE_BUFFER = 1 << 20
"""Bytes for one client's socket: more than a second of 1 Mbit/s, as the kernel counts it."""

_HEADER = 64
_CONTROL = 64
_STAMP = 32
"""Bytes of the control message that carries the kernel's time of arrival."""
_SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 35, 33

_ffi = cffi.FFI()
_ffi.cdef("""
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr { void *msg_name; unsigned int msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
                void *msg_control; size_t msg_controllen; int msg_flags; };
struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
int recvmmsg(int, struct mmsghdr *, unsigned int, int, void *);
int sendmmsg(int, struct mmsghdr *, unsigned int, int);
""")
_libc: Any = _ffi.dlopen(None)


def client_socket(peer: tuple[str, int], *, host: str = "127.0.0.1") -> socket.socket:
    """A socket of its own for one client, connected with its peer; the kernel notes when each datagram arrives."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    try:
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except PermissionError:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    made.bind((host, 0))
    made.connect(peer)
    return made


class _Matrix:
    """Rows, their headers for the kernel (socket(2): ``mmsghdr``, ``iovec``), and pointers to both.

    ``lengths``, ``control_lengths`` and ``sizes`` (what is to be sent) are the columns of the headers.
    """

    def __init__(self, rows: int, *, stamped: bool) -> None:
        self.bytes: Bytes = np.zeros((rows, STRIDE), np.uint8)
        self.control: Bytes = np.zeros((rows, _CONTROL), np.uint8)
        headers: Bytes = np.zeros((rows, _HEADER), np.uint8)
        vectors: npt.NDArray[np.uint64] = np.zeros((rows, 2), np.uint64)
        self.lengths = headers.view(np.uint32)[:, 14]
        self.control_lengths = headers.view(np.uint64)[:, 5]
        self.sizes = vectors[:, 1]
        header: Any = _ffi.cast("struct mmsghdr *", headers.ctypes.data)
        vector: Any = _ffi.cast("struct iovec *", vectors.ctypes.data)
        self.pointers: list[Any] = [header + row for row in range(rows)]
        packets = self.bytes.ctypes.data
        self.packets: list[Any] = [srtp_ffi.cast("char *", packets + row * STRIDE) for row in range(rows)]
        """As libsrtp takes them."""
        self.views: list[Bytes] = list(self.bytes)
        for row in range(rows):
            vector[row].iov_base, vector[row].iov_len = _ffi.cast("void *", packets + row * STRIDE), STRIDE
            header[row].msg_hdr.msg_iov, header[row].msg_hdr.msg_iovlen = vector + row, 1
            if stamped:
                header[row].msg_hdr.msg_control = _ffi.cast("void *", self.control.ctypes.data + row * _CONTROL)
        self.control_lengths[:] = _CONTROL if stamped else 0
        self._kept = headers, vectors


class Intake:
    """Empties sockets into one matrix. After each batch ``take(rows, owners)`` is called.

    ``owners`` says whose socket a row came from; ``lengths`` and ``arrivals`` (µs of CLOCK_REALTIME, as the kernel
    noted them; 0 where it did not) are valid within ``take``.
    """

    def __init__(self, take: Callable[[int, Integers], None]) -> None:
        self.matrix = _Matrix(ROWS, stamped=True)
        self._take = take
        self._stamps: Integers = self.matrix.control.view(np.int64)

    def sweep(self, descriptors: Sequence[tuple[int, int]]) -> None:
        """``descriptors``: pairs of owner and file descriptor."""
        receive, pointers = _libc.recvmmsg, self.matrix.pointers
        row, owners, counts = 0, list[int](), list[int]()
        for owner, descriptor in descriptors:
            while True:
                count = receive(descriptor, pointers[row], BATCH, socket.MSG_DONTWAIT, _ffi.NULL)
                if count <= 0:
                    if count < 0 and _ffi.errno not in (errno.EAGAIN, errno.ECONNREFUSED, errno.EINTR):
                        raise OSError(_ffi.errno, "recvmmsg")
                    break
                owners.append(owner)
                counts.append(count)
                row += count
                if row > ROWS - BATCH:
                    self._taken(row, owners, counts)
                    row, owners, counts = 0, [], []
                if count < BATCH:
                    break
        if row:
            self._taken(row, owners, counts)

    def lengths(self, rows: int) -> Integers:
        return self.matrix.lengths[:rows].astype(np.int64)

    def arrivals(self, rows: int) -> Integers:
        stamps = self._stamps[:rows]
        told = self.matrix.control_lengths[:rows] >= _STAMP
        return np.where(told, stamps[:, 2] * 1_000_000 + stamps[:, 3] // 1000, 0)

    def _taken(self, rows: int, owners: list[int], counts: list[int]) -> None:
        self._take(rows, np.repeat(np.array(owners, np.int64), counts))
        self.matrix.control_lengths[:rows] = _CONTROL


class Burst:
    """Datagrams to be sent back to back with one call, to the peer of a socket or to ``destinations``, row by row."""

    def __init__(self, rows: int, destinations: Sequence[tuple[str, int]] = ()) -> None:
        self.matrix = _Matrix(rows, stamped=False)
        self._names: list[Any] = []
        for row, (host, port) in enumerate(destinations):
            name = struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(host) + bytes(8)
            self._names.append(_ffi.new("unsigned char[]", name))
            header = self.matrix.pointers[row].msg_hdr
            header.msg_name, header.msg_namelen = self._names[-1], 16

    def send(self, descriptor: int, count: int) -> int:
        """Sends the first ``count`` rows, each as long as ``sizes`` says. Returns how many the kernel took."""
        sent = 0
        while sent < count:
            taken = _libc.sendmmsg(descriptor, self.matrix.pointers[sent], count - sent, 0)
            if taken < 0:
                if _ffi.errno in (errno.EINTR, errno.ECONNREFUSED):
                    continue
                return sent
            sent += taken
        return sent
