"""What the kernel knows of processes and sockets, out of ``/proc``."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process, from ``/proc``.

    ``schedstat`` tells in nanoseconds what ``stat`` rounds to clock ticks: the time on a CPU, be it user or system.
    """
    used = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with suppress(FileNotFoundError):
            used += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    return used / 1e9


def resident(pid: int) -> int:
    """Bytes of memory that a process holds (``VmRSS``)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LookupError("VmRSS")


def port_drops(*ports: int) -> int:
    """Datagrams that the kernel dropped because the socket on one of these local UDP ports was full."""
    wanted = {f"{port:04X}" for port in ports}
    dropped = 0
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].rpartition(":")[2] in wanted:
            dropped += int(fields[-1])
    return dropped


def socket_drops(sockets: Iterable[socket.socket]) -> int:
    return port_drops(*(made.getsockname()[1] for made in sockets))


@dataclass(frozen=True)
class UdpErrors:
    """Of the whole machine, from ``/proc/net/snmp``.

    ``receive``: datagrams dropped because a socket was full (RcvbufErrors). ``send``: sends refused because a socket's
    send buffer was full (SndbufErrors), which a non-blocking sender sees as EAGAIN.
    """

    receive: int
    send: int

    def since(self, before: UdpErrors) -> UdpErrors:
        return UdpErrors(self.receive - before.receive, self.send - before.send)


def udp_errors() -> UdpErrors:
    lines = Path("/proc/net/snmp").read_text().splitlines()
    names, values = [line.split() for line in lines if line.startswith("Udp:")]
    return UdpErrors(int(values[names.index("RcvbufErrors")]), int(values[names.index("SndbufErrors")]))
