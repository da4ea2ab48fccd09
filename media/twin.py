"""A second socket on the media port's number, to which the kernel delivers what need not be read at once.

Receivers tell of arrivals some twenty times a second each: most datagrams that a relay gets in a small meeting are such
feedback. It moves an estimate that is judged ten times a second, so it can wait until media wake the relay anyway; a
process that wakes for each finds its caches cold every time (``docs/relay.md``). The header of SRTCP is not encrypted
(RFC 3711 section 3.4), so the kernel can tell feedback from all else: by a classic filter on the group of both sockets
(``SO_ATTACH_REUSEPORT_CBPF``, socket(7)).
"""

from __future__ import annotations

import socket
from contextlib import suppress
from struct import Struct

from media.syscalls import ffi

_ATTACH = 51
"""SO_ATTACH_REUSEPORT_CBPF, which Python does not name (asm-generic/socket.h)."""

_INSTRUCTION, _HEAD = Struct("=HBBI"), Struct("@HP")
_LOAD_BYTE, _AND, _JUMP_EQUAL, _RETURN = 0x30, 0x54, 0x15, 0x06
"""BPF_LD|BPF_B|BPF_ABS, BPF_ALU|BPF_AND|BPF_K, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K (linux/filter.h)."""

_PROGRAM = (
    (_LOAD_BYTE, 0, 0, 0),
    (_AND, 0, 0, 0xDF),
    (_JUMP_EQUAL, 0, 3, 0x8F),
    (_LOAD_BYTE, 0, 0, 1),
    (_JUMP_EQUAL, 0, 1, 205),
    (_RETURN, 0, 0, 1),
    (_RETURN, 0, 0, 0),
)
"""The second socket where the datagram begins with version 2, format 15, type 205 (padding or not); else the first."""


def twin(first: socket.socket) -> socket.socket | None:
    """The second socket of a bound one; ``None`` where the kernel cannot part what comes.

    The first was bound alone, so that no other process shares its number.
    """
    second = socket.socket(first.family, socket.SOCK_DGRAM)
    try:
        second.setblocking(False)
        if first.family == socket.AF_INET6:
            only = first.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            second.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        for each in (first, second):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        second.bind(first.getsockname())
        program = ffi.new("char[]", b"".join(_INSTRUCTION.pack(*line) for line in _PROGRAM))
        head = _HEAD.pack(len(_PROGRAM), int(ffi.cast("uintptr_t", program)))
        first.setsockopt(socket.SOL_SOCKET, _ATTACH, head)
    except (OSError, AttributeError):
        second.close()
        with suppress(OSError, AttributeError):
            first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
        return None
    return second
