"""Where the relay's plain RTP arrives: one UDP socket on loopback for every track, told apart by SSRC."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable

from recordings.rtp import Packet, parse, picture_loss

log = logging.getLogger("nghisu.recorder")
BUFFER = 8 * 1024 * 1024
BATCH = 256
"""Datagrams taken in one turn of the loop."""


class Intake:
    """``on_packet`` takes a packet and the monotonic clock in microseconds, on the loop."""

    def __init__(self, on_packet: Callable[[Packet, int], None], clock: Callable[[], int]) -> None:
        self._on_packet, self._clock = on_packet, clock
        self._ssrc = secrets.randbits(32)
        self._senders: dict[int, tuple[str, int]] = {}
        self._buffer = bytearray(2048)
        self.refused = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))

    @property
    def address(self) -> tuple[str, int]:
        return self._socket.getsockname()

    def open(self) -> None:
        """Begins to listen."""
        asyncio.get_running_loop().add_reader(self._socket, self._drain)

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    def ask_key(self, ssrc: int) -> None:
        """Asks whoever sends this stream for a key frame."""
        sender = self._senders.get(ssrc)
        if sender:
            try:
                self._socket.sendto(picture_loss(self._ssrc, ssrc), sender)
            except OSError as error:
                log.debug("a key frame could not be asked for: %s", error)

    def forget(self, ssrc: int) -> None:
        self._senders.pop(ssrc, None)

    def _drain(self) -> None:
        now = self._clock()
        for _ in range(BATCH):
            try:
                size, sender = self._socket.recvfrom_into(self._buffer)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                log.debug("a datagram was not received: %s", error)
                continue
            try:
                packet = parse(bytes(self._buffer[:size]))
            except ValueError:
                self.refused += 1
                continue
            self._senders[packet.ssrc] = sender
            self._on_packet(packet, now)
