"""One transport of a load client: a socket of its own, a pair that is checked, keys, and who hears its RTCP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from bench.load.ice import Checks, answer
from bench.load.keys import Direction, Handshake, context, ffi
from bench.load.wire import client_socket

_VIEW = memoryview(bytearray(2048))
_POINTER: Any = ffi.from_buffer("char[]", _VIEW)
"""One buffer in which all lines of the process seal and open their RTCP."""


AGAIN = 0.1
"""Seconds after which an unanswered check is sent again."""


class Ear:
    """A socket that only receives: the kernel's floor is sent to it in the clear."""

    def __init__(self, peer: tuple[str, int], *, host: str = "127.0.0.1") -> None:
        self.peer = peer
        self.socket: socket.socket = client_socket(peer, host=host)
        self.descriptor = self.socket.fileno()
        self.inward: Direction | None = None
        self.outward: Direction | None = None
        self.on_rtcp: Callable[[bytes, int], None] = _unheard

    def check(self) -> None:
        """There is no pair to check."""

    def tick(self) -> None:
        """There is no handshake."""

    def heard(self, datagram: bytes, now: int) -> None:
        """Nothing but media comes."""

    def send_rtcp(self, compound: bytes) -> None:
        """Nobody is told."""

    def close(self) -> None:
        self.socket.close()


class Line(Ear):
    """``on_rtcp`` is given each opened compound and the µs of its arrival (CLOCK_MONOTONIC)."""

    def __init__(self, parameters: dict[str, Any], *, host: str = "127.0.0.1") -> None:
        """``parameters``: a transport as mediasoup's grammar writes it."""
        ice = parameters["iceParameters"]
        candidate = next(c for c in parameters["iceCandidates"] if c["protocol"] == "udp" and ":" not in c["ip"])
        super().__init__((str(candidate["ip"]), int(candidate["port"])), host=host)
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.checked = False
        self.unsent = 0
        self._checks = Checks(ice["usernameFragment"], ice["password"])
        prints = [(str(f["algorithm"]), str(f["value"])) for f in parameters["dtlsParameters"]["fingerprints"]]
        self._dtls = Handshake(prints, self.send)

    async def connect(self) -> None:
        """Checks until it is answered, then shakes hands."""
        while not self.connected.done():
            if not self.checked:
                self.check()
            await asyncio.wait([self.connected], timeout=AGAIN)
        self.connected.result()

    @staticmethod
    def dtls_parameters() -> dict[str, Any]:
        return {"role": "client", "fingerprints": [{"algorithm": "sha-256", "value": context()[1]}]}

    def check(self) -> None:
        """The check that finds the pair and, every 2.5 s, keeps it (RFC 7675)."""
        self.send(self._checks.request())

    def tick(self) -> None:
        """While it connects, every few milliseconds."""
        if self.checked:
            self._dtls.tick()

    def heard(self, datagram: bytes, now: int) -> None:
        """Whatever is no media."""
        first = datagram[0]
        if first <= 3:
            if not self.checked and self._checks.answered(datagram):
                self.checked = True
                self._dtls.start()
            elif (response := answer(datagram, self.peer)) is not None:
                self.send(response)
        elif 20 <= first <= 63:
            self._shake_hands(datagram)
        elif self.inward is not None and len(datagram) <= len(_VIEW):
            _VIEW[: len(datagram)] = datagram
            size = self.inward.open_rtcp(_POINTER, len(datagram))
            if size:
                self.on_rtcp(bytes(_VIEW[:size]), now)

    def send(self, datagram: bytes) -> None:
        try:
            self.socket.send(datagram)
        except OSError:
            self.unsent += 1

    def send_rtcp(self, compound: bytes) -> None:
        if self.outward is None:
            return
        _VIEW[: len(compound)] = compound
        size = self.outward.seal_rtcp(_POINTER, len(compound))
        try:
            self.socket.send(_VIEW[:size])
        except OSError:
            self.unsent += 1

    def close(self) -> None:
        self._dtls.close()
        self.socket.close()

    def _shake_hands(self, datagram: bytes) -> None:
        try:
            self._dtls.feed(datagram)
        except Exception as error:
            if not self.connected.done():
                self.connected.set_exception(error)
            return
        if self._dtls.keys is not None and self.inward is None:
            self.inward, self.outward = self._dtls.keys
            if not self.connected.done():
                self.connected.set_result(None)


def _unheard(_compound: bytes, _now: int) -> None:
    """Nobody listens."""
