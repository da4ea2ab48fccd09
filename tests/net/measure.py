"""What a line really does, found with datagrams that are sent across it and stamped by the kernel as they arrive.

One process has sockets at both ends, so both moments are of one clock, and its own delays in reading count for nothing.
"""

from __future__ import annotations

import socket
import statistics
import struct
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from tests.net.bed import Bed
from tests.net.namespace import Namespace

SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33
"""asm-generic/socket.h; Python does not name them."""
HEADERS = 42
"""Bytes of Ethernet, IPv4 and UDP before the payload: tbf counts them."""
FEW, MANY = 60, 2_000


@dataclass(frozen=True)
class Arrival:
    """A datagram's number in the order of sending, its moment of arrival and its way, in seconds."""

    number: int
    at: float
    took: float


@dataclass(frozen=True)
class Reading:
    """One direction of a line. Delays of the datagrams that came (``None``: none came), ``spread_ms`` from the least to
    the 95th percentile; ``rate`` in bit/s on the wire, ``None`` where none was asked for; ``loss`` a share.
    """

    least_ms: float | None
    delay_ms: float | None
    spread_ms: float
    loss: float
    rate: float | None
    in_order: bool

    def __str__(self) -> str:
        delay = "nothing comes" if self.delay_ms is None else f"{self.delay_ms:.1f} ms ± {self.spread_ms / 2:.1f}"
        rate = "no limit" if self.rate is None else f"{self.rate / 1000:.0f} kbit/s"
        return f"{delay}, {self.loss:.1%} lost, {rate}"


def read(bed: Bed, name: str, *, down: bool) -> Reading:
    """Centre → site when ``down``, else site → centre; takes one to three seconds.

    Delay by few small datagrams, loss by many, rate by twice as many bytes as the line takes.
    """
    site = bed.sites[name]
    ends = (bed.centre, site.namespace) if down else (site.namespace, bed.centre)
    address = str(site.address) if down else bed.address
    line = site.line
    few = flow(*ends, address, count=FEW, size=32, gap=0.008)
    lost = 1 - len(few) / FEW
    if line.loss:
        lost = 1 - len(flow(*ends, address, count=MANY, size=32, gap=0.0005)) / MANY
    rate = None
    if line.rate:
        count = max(30, round(line.rate * 1.2 / 8 / 1200))
        rate = _rate(flow(*ends, address, count=count, size=1200, gap=1200 * 8 / line.rate / 2), 1200)
    took = sorted(arrival.took * 1000 for arrival in few)
    numbers = [arrival.number for arrival in few]
    return Reading(
        least_ms=took[0] if took else None,
        delay_ms=statistics.median(took) if took else None,
        spread_ms=took[round(0.95 * (len(took) - 1))] - took[0] if took else 0.0,
        loss=lost,
        rate=rate,
        in_order=numbers == sorted(numbers),
    )


def flow(
    sender: Namespace, receiver: Namespace, address: str, *, count: int, size: int, gap: float, quiet: float = 0.5
) -> list[Arrival]:
    """Sends ``count`` datagrams of ``size`` bytes, one every ``gap`` seconds, and waits ``quiet`` seconds for more."""
    with _socket(sender) as out, _socket(receiver) as into:
        into.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        into.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        into.bind((address, 0))
        into.settimeout(quiet)
        out.connect(into.getsockname())
        begin = time.monotonic()
        for number in range(count):
            pause = begin + number * gap - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            out.send(struct.pack("!Iq", number, time.time_ns()).ljust(size, b"\0"))
        return list(islice(_arrivals(into), count))


def _arrivals(into: socket.socket) -> Iterator[Arrival]:
    while True:
        try:
            data, extra, _, _ = into.recvmsg(2048, 64)
        except TimeoutError:
            return
        seconds, nanoseconds = struct.unpack("@qq", extra[0][2])
        number, sent = struct.unpack_from("!Iq", data)
        at = seconds * 1_000_000_000 + nanoseconds
        yield Arrival(number, at / 1e9, (at - sent) / 1e9)


def _rate(arrivals: list[Arrival], size: int) -> float:
    """After the bucket's first burst, which costs no time."""
    later = arrivals[5:]
    if len(later) < 2:
        return 0.0
    return (len(later) - 1) * (size + HEADERS) * 8 / max(1e-9, later[-1].at - later[0].at)


@contextmanager
def _socket(namespace: Namespace) -> Generator[socket.socket]:
    with namespace.entered():
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        yield datagrams
    finally:
        datagrams.close()
