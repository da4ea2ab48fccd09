"""The one UDP port of a relay: every browser's checks, handshakes and media arrive and leave here.

A datagram is told apart by its first byte (RFC 9443). An address is known only after a connectivity check from it has
proved the password of a transport; what comes from elsewhere is counted and dropped.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import asdict, dataclass
from typing import Protocol

from media import clock, stun
from media.srtp import Buffer

Address = tuple[str, int]

BATCH = 256
"""Datagrams taken in one turn of the event loop, before others have theirs."""

SOCKET_BUFFER = 8 << 20
"""Bytes: two hundred packets come in one burst. Without CAP_NET_ADMIN the kernel grants ``net.core.rmem_max``."""

_FORCE = {socket.SO_RCVBUF: 33, socket.SO_SNDBUF: 32}
"""SO_RCVBUFFORCE and SO_SNDBUFFORCE, which Python does not name (socket(7))."""


class PortUnavailable(OSError):
    """The address cannot be listened on; the message is a sentence for who runs the relay."""


class Peer(Protocol):
    """A transport, as the port sees it."""

    password: bytes

    def checked(self, address: Address, nominated: bool, now: int) -> None:
        """A check from ``address`` was proved: it is this peer's now."""
        ...

    def dtls(self, datagram: bytes) -> None: ...

    def srtp(self, size: int, now: int) -> None:
        """A packet of ``size`` bytes lies in the port's ``incoming`` buffer."""
        ...


@dataclass(slots=True)
class Counters:
    """What the port has seen since the start."""

    received: int = 0
    sent: int = 0
    unsent: int = 0
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


class Port:
    """Opens the socket at once. Raises ``PortUnavailable``."""

    def __init__(self, host: str, port: int, announced: str | None = None) -> None:
        self.incoming = Buffer()
        self.outgoing = Buffer()
        self.counters = Counters()
        self._by_ufrag: dict[str, Peer] = {}
        self._by_address: dict[Address, Peer] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        widen(self._socket)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise PortUnavailable(f"UDP port {port} of {host} cannot be used: {error.strerror or error}") from error
        address, self.number = self._socket.getsockname()
        if address == "0.0.0.0" and announced is None:
            self._socket.close()
            raise PortUnavailable("A relay that listens on 0.0.0.0 needs an address to announce (NGHISU_ANNOUNCE)")
        self.announced: str = announced or address
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
        self._socket.close()

    def welcome(self, ufrag: str, peer: Peer) -> None:
        """Checks for this ``ufrag`` are the peer's from now on."""
        self._by_ufrag[ufrag] = peer

    def forget_address(self, address: Address, peer: Peer) -> None:
        if self._by_address.get(address) is peer:
            del self._by_address[address]

    def part(self, ufrag: str) -> None:
        self._by_ufrag.pop(ufrag, None)

    def send(self, datagram: bytes | memoryview, address: Address) -> None:
        """Sends or, when the socket is full, drops."""
        try:
            self._socket.sendto(datagram, address)
        except OSError:
            self.counters.unsent += 1
            return
        self.counters.sent += 1

    def facts(self) -> dict[str, int]:
        return asdict(self.counters)

    def _readable(self) -> None:
        receive, buffer = self._socket.recvfrom_into, self.incoming.bytes
        for _ in range(BATCH):
            try:
                size, address = receive(buffer)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ECONNREFUSED:
                    continue
                return
            self._arrived(size, address)

    def _arrived(self, size: int, address: Address) -> None:
        self.counters.received += 1
        first = self.incoming.bytes[0] if size else 0xFF
        if 128 <= first <= 191:
            peer = self._by_address.get(address)
            if peer is None:
                self.counters.from_strangers += 1
            elif size < 12:
                self.counters.garbage += 1
            else:
                peer.srtp(size, clock.now())
        elif 20 <= first <= 63:
            peer = self._by_address.get(address)
            if peer is None:
                self.counters.from_strangers += 1
            else:
                peer.dtls(bytes(self.incoming.view[:size]))
        elif first <= 3:
            self._check(bytes(self.incoming.view[:size]), address)
        else:
            self.counters.garbage += 1

    def _check(self, datagram: bytes, address: Address) -> None:
        check = stun.read_check(datagram)
        if check is None:
            self.counters.garbage += 1
            return
        peer = self._by_ufrag.get(check.ufrag)
        if peer is None or not check.proves(peer.password):
            self.counters.checks_refused += 1
            return
        self.counters.checks += 1
        self._by_address[address] = peer
        peer.checked(address, check.nominates, clock.now())
        self.send(stun.answer(check, address, peer.password), address)
