"""The one media port of a relay, UDP and TCP on the same number: all checks, handshakes and media pass here.

A datagram is told apart by its first byte (RFC 9443). An address is known only after a connectivity check from it has
proved the password of a transport; what comes from elsewhere is counted and dropped. An ``Address`` is the socket
address of a sender as the kernel writes it (on a dual-stack socket AF_INET6, IPv4 mapped), or a TCP connection.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Protocol

from media import clock, process, stun
from media.drain import Drain
from media.sendlog import SendLog
from media.srtp import Buffer
from media.tcp import Connection, Listener
from media.twin import twin
from media.wire import Wire

Address = bytes | Connection

_NOBODY: tuple[Peer | None, bytes] = (None, b"")

BACKLOG = 1024
FREE_TRIES = 20
"""How often a number that is free on UDP and on TCP is looked for."""

TURNS = 4
"""How often the socket is drained in one turn of the event loop, before others have theirs."""

COUNTED, BUSY = 100_000, 100
"""More wakes than these within so many microseconds, and the socket is looked into at intervals."""
INTERVAL, QUIET = 0.001, 20
"""Seconds between two looks, and how many in a row may find nothing before the next is announced again."""

RESTED = 10_000
"""Microseconds for which feedback may lie while media wake the relay."""

LANES = 64
"""Receiving transports that there is room for at first."""

SOCKET_BUFFER = 8 << 20
"""Bytes: two hundred packets come in one burst. Without CAP_NET_ADMIN the kernel grants ``net.core.rmem_max``."""

_FORCE = {socket.SO_RCVBUF: 33, socket.SO_SNDBUF: 32}
"""SO_RCVBUFFORCE and SO_SNDBUFFORCE, which Python does not name (socket(7))."""


NAME_SIZES = {socket.AF_INET: 16, socket.AF_INET6: 28}
"""Bytes of ``sockaddr_in`` and ``sockaddr_in6``."""


def written(name: bytes) -> tuple[str, int]:
    """Host and port of a socket address as the kernel writes it."""
    port = int.from_bytes(name[2:4], "big")
    if int.from_bytes(name[:2], sys.byteorder) == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, name[4:8]), port
    return socket.inet_ntop(socket.AF_INET6, name[8:24]), port


class PortUnavailable(OSError):
    """The address cannot be listened on; the message is a sentence for who runs the relay."""


class Peer(Protocol):
    """A transport, as the port sees it."""

    def checked(self, address: Address, ufrag: str, nominated: bool, now: int) -> None:
        """A check from ``address`` was proved by the password that goes with ``ufrag``: it is this peer's now."""
        ...

    def lost(self, address: Connection) -> None:
        """This path has ended."""
        ...

    def dtls(self, datagram: bytes) -> None: ...

    def srtp(self, buffer: Buffer, size: int, now: int) -> None:
        """A packet of ``size`` bytes lies in the buffer."""
        ...


@dataclass(slots=True)
class Counters:
    """What the port has seen since the start."""

    received: int = 0
    received_octets: int = 0
    checks: int = 0
    checks_refused: int = 0
    from_strangers: int = 0
    garbage: int = 0


def widen(datagrams: socket.socket) -> None:
    """Gives a socket large buffers, beyond the system's limit where the process may."""
    for option, force in _FORCE.items():
        try:
            datagrams.setsockopt(socket.SOL_SOCKET, force, SOCKET_BUFFER)
        except OSError:
            datagrams.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)


def bound(kind: socket.SocketKind, host: str, number: int) -> socket.socket:
    """A socket of the host's family; for every address of the machine one for IPv6 and IPv4 at once, where it can be.

    Raises ``OSError``.
    """
    if host in ("0.0.0.0", "::"):
        with suppress(OSError):
            return _bound(kind, socket.AF_INET6, "::", number)
        host = "0.0.0.0"
    return _bound(kind, socket.AF_INET6 if ":" in host else socket.AF_INET, host, number)


def _bound(kind: socket.SocketKind, family: socket.AddressFamily, host: str, number: int) -> socket.socket:
    made = socket.socket(family, kind)
    try:
        made.setblocking(False)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, number))
        if kind == socket.SOCK_STREAM:
            made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


class Port:
    """Opens its sockets at once. ``announced``: the addresses that browsers are told, if not the host.

    Raises ``PortUnavailable``.
    """

    def __init__(self, host: str, port: int, announced: Sequence[str] = ()) -> None:
        self.incoming = Buffer()
        self.outgoing = Buffer()
        self.counters = Counters()
        self._by_ufrag: dict[str, tuple[Peer, bytes]] = {}
        self._by_address: dict[Address, Peer] = {}
        if host in ("0.0.0.0", "::") and not announced:
            raise PortUnavailable(f"A relay that listens on {host} needs an address to announce (NGHISU_ANNOUNCE)")
        self.announced: tuple[str, ...] = tuple(announced) or (host,)
        self._socket, listening = self._open(host, port)
        widen(self._socket)
        self.number: int = self._socket.getsockname()[1]
        name_size = NAME_SIZES[self._socket.family]
        self.sendlog = SendLog(LANES)
        self.wire = Wire(self._socket.fileno(), name_size, self.sendlog)
        self._drain = Drain(self._socket.fileno(), name_size)
        self._twin = twin(self._socket)
        self._feedback: Drain | None = None
        if self._twin is not None:
            widen(self._twin)
            self._feedback = Drain(self._twin.fileno(), name_size)
        self._feedback_due = 0
        self._tcp = Listener(listening, self.incoming, self._by_tcp, self._left)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._polling: asyncio.TimerHandle | None = None
        self._wakes = self._counted_since = self._idle = 0

    def _open(self, host: str, port: int) -> tuple[socket.socket, socket.socket]:
        """Both sockets on one number; any that is free on both when ``port`` is 0."""
        tries = 1 if port else FREE_TRIES
        while True:
            protocol, number, datagrams = "UDP", port, None
            try:
                datagrams = bound(socket.SOCK_DGRAM, host, port)
                protocol, number = "TCP", datagrams.getsockname()[1]
                return datagrams, bound(socket.SOCK_STREAM, host, number)
            except OSError as error:
                if datagrams is not None:
                    datagrams.close()
                tries -= 1
                if not tries:
                    reason = error.strerror or error
                    raise PortUnavailable(f"{protocol} port {number} of {host} cannot be used: {reason}") from error

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._readable)
        self._tcp.start()

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
        if self._polling is not None:
            self._polling.cancel()
        self._socket.close()
        if self._twin is not None:
            self._twin.close()
        self._feedback = None
        self._tcp.close()

    def welcome(self, ufrag: str, peer: Peer, password: bytes) -> None:
        """Checks for this ``ufrag`` that prove the password are the peer's from now on."""
        self._by_ufrag[ufrag] = (peer, password)

    def forget_address(self, address: Address, peer: Peer) -> None:
        if self._by_address.get(address) is peer:
            del self._by_address[address]
            if isinstance(address, Connection):
                address.close()

    def part(self, ufrag: str) -> None:
        self._by_ufrag.pop(ufrag, None)

    def send(self, datagram: bytes | memoryview, address: Address) -> None:
        """Sends or, when the socket is full, drops."""
        connected = isinstance(address, Connection)
        if address.send(datagram) if connected else self.wire.send(datagram, address):
            self.wire.sent.packets += 1
            self.wire.sent.sent_octets += len(datagram)
        else:
            self.wire.sent.unsent += 1

    def facts(self) -> dict[str, int]:
        sockets = [each for each in (self._socket, self._twin) if each is not None]
        return (
            asdict(self.counters)
            | asdict(self.wire.sent)
            | {
                "segments": int(self.wire.segments),
                "received_dropped": sum(map(process.dropped, sockets)),
                "tcp_paths": self._tcp.connections,
                "tcp_refused": self._tcp.refused,
            }
        )

    def _readable(self) -> None:
        """Something has come. Where much comes, it is looked for at intervals instead of being announced each time."""
        self._take()
        now = clock.now()
        if now - self._counted_since > COUNTED:
            self._wakes, self._counted_since = 0, now
        self._wakes += 1
        if self._wakes > BUSY and self._loop is not None:
            self._wakes, self._idle = 0, 0
            self._loop.remove_reader(self._socket.fileno())
            self._poll_later(self._loop)

    def _poll(self) -> None:
        self._polling = None
        loop = self._loop
        if loop is None:
            return
        self._idle = 0 if self._take() else self._idle + 1
        if self._idle > QUIET:
            loop.add_reader(self._socket.fileno(), self._readable)
        else:
            self._poll_later(loop)

    def _poll_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._polling = loop.call_later(INTERVAL, self._poll)

    def _take(self) -> int:
        """Takes what lies in the socket and sends what follows from it. Returns how many datagrams there were."""
        count = self._read(self._drain, TURNS)
        now = clock.now()
        self.wire.flush(now)
        if now >= self._feedback_due:
            self.take_feedback(now)
        return count

    def take_feedback(self, now: int) -> None:
        """Takes what has been told of arrivals (``twin.py``), so much at once that media do not wait for long."""
        feedback = self._feedback
        if feedback is not None:
            self._read(feedback, 1)
            self._feedback_due = now if feedback.full else now + RESTED

    def _read(self, drain: Drain, turns: int) -> int:
        peers, arrived, count, octets = self._by_address, self._arrived, 0, 0
        for _ in range(turns):
            now = clock.now()
            for buffer, size, name in drain.take():
                count += 1
                octets += size
                first = buffer.bytes[0]
                peer = peers.get(name) if 128 <= first <= 191 and size >= 12 else None
                if peer is not None:
                    peer.srtp(buffer, size, now)
                else:
                    arrived(buffer, size, name)
            if not drain.full:
                break
        self.counters.received += count
        self.counters.received_octets += octets
        return count

    def _by_tcp(self, size: int, connection: Connection) -> bool:
        self.counters.received += 1
        self.counters.received_octets += size
        welcome = self._arrived(self.incoming, size, connection)
        self.wire.flush(clock.now())
        return welcome

    def _left(self, connection: Connection) -> None:
        peer = self._by_address.pop(connection, None)
        if peer is not None:
            peer.lost(connection)

    def _arrived(self, buffer: Buffer, size: int, address: Address) -> bool:
        """Whether it came from a known address, or made it known."""
        first = buffer.bytes[0] if size else 0xFF
        if first <= 3:
            return self._check(bytes(buffer.view[:size]), address)
        if not (20 <= first <= 63 or 128 <= first <= 191) or (first >= 128 and size < 12):
            self.counters.garbage += 1
            return False
        peer = self._by_address.get(address)
        if peer is None:
            self.counters.from_strangers += 1
            return False
        if first >= 128:
            peer.srtp(buffer, size, clock.now())
        else:
            peer.dtls(bytes(buffer.view[:size]))
        return True

    def _check(self, datagram: bytes, address: Address) -> bool:
        check = stun.read_check(datagram)
        if check is None:
            self.counters.garbage += 1
            return False
        peer, password = self._by_ufrag.get(check.ufrag, _NOBODY)
        if peer is None or not check.proves(password):
            self.counters.checks_refused += 1
            return False
        self.counters.checks += 1
        self._by_address[address] = peer
        if isinstance(address, Connection):
            address.prove()
            remote = address.remote
        else:
            remote = written(address)
        peer.checked(address, check.ufrag, check.nominates, clock.now())
        self.send(stun.answer(check, remote, password), address)
        return True
