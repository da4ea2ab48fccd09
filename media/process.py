"""What the kernel knows of this process: read when somebody asks, never counted."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

_MEMINFO = struct.Struct("=9I")
_SO_MEMINFO = 55
"""socket(7) of Linux 4.12 and later; Python does not name it. The ninth number counts drops."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


def memory() -> int:
    """Resident memory of this process in bytes; 0 where there is no ``/proc``."""
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE
    except OSError:
        return 0


def dropped(listening: socket.socket) -> int:
    """Datagrams that the kernel dropped since the socket was opened, because nobody took them out in time; 0 where the
    kernel does not tell."""
    try:
        told = listening.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    except OSError:
        return 0
    return _MEMINFO.unpack(told)[8] if len(told) == _MEMINFO.size else 0
