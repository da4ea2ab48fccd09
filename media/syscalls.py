"""Many datagrams in one system call: ``sendmmsg(2)``, ``recvmmsg(2)``, and UDP segmentation offload (``udp(7)``)."""

from __future__ import annotations

from typing import Any

from cffi import FFI

ffi: Any = FFI()
ffi.cdef("""
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr {
    void *msg_name; unsigned int msg_namelen;
    struct iovec *msg_iov; size_t msg_iovlen;
    void *msg_control; size_t msg_controllen; int msg_flags;
};
struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, void *timeout);
""")
_libc: Any = ffi.dlopen(None)
sendmmsg: Any = _libc.sendmmsg
recvmmsg: Any = _libc.recvmmsg

NAME_SIZE = 32
"""Bytes kept for one socket address: ``sockaddr_in6`` has 28."""

SOL_UDP, UDP_SEGMENT = 17, 103
SEGMENTS = 64
"""Most segments of one message (``UDP_MAX_SEGMENTS``)."""


def errno() -> int:
    """Of the last call."""
    return ffi.errno
