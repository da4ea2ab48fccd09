"""A stage without a meeting: one producer and the real wire; ears are sockets with SRTP keys of their own."""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from pylibsrtp import Policy, Session
from relay_packets import Seen, rtp, see

from media import clock
from media.lot import HEAD
from media.ortc import ROUTER_CAPABILITIES, Sending, Sent, receivable, receiving
from media.port import widen
from media.producer import Producer
from media.rtp import ExtensionIds, Packet
from media.sendlog import SendLog
from media.slot import Slot
from media.srtp import Buffer, Direction
from media.wire import Wire

_policy: Any = Policy
GCM: int = _policy.SRTP_PROFILE_AEAD_AES_128_GCM
OLDER: int = _policy.SRTP_PROFILE_AES128_CM_SHA1_80
_KEYS = {GCM: (28, 16), OLDER: (30, 10)}
"""Bytes of key and salt, and of the tag (RFC 7714, RFC 3711)."""


class Ear:
    """A receiver: its slot, its keys, its socket. ``outgoing`` belongs to whoever sends to it."""

    def __init__(self, wire: Wire, log: SendLog, *, host: str = "127.0.0.1", profile: int = GCM) -> None:
        size, self.tag = _KEYS[profile]
        key = secrets.token_bytes(size)
        inbound = _policy(key=key, ssrc_type=_policy.SSRC_ANY_INBOUND, srtp_profile=profile)
        outbound = _policy(key=key, ssrc_type=_policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        self._opening, self._direction = Direction(Session(inbound), self.tag), Direction(Session(outbound), self.tag)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        widen(self.socket)
        self.socket.bind((host, 0))
        self.name = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", self.port, socket.inet_aton(host))
        self.numbered, self.lane = True, log.take()
        self._log, self._wire, self._buffer = log, wire, Buffer()
        self.slot = self.another("s0")

    def another(self, mid: str) -> Slot:
        """One more slot behind the same transport."""
        return Slot(
            name="stage-video",
            receiving=receiving("video", mid, "an.stage", receivable(ROUTER_CAPABILITIES)),
            outlet=self,
            outgoing=self._buffer.bytes,
            on_shown=lambda: None,
            spend=lambda size: True,
        )

    def spoil(self) -> None:
        """From now on nothing can be sealed for it: its keys are another stream's."""
        key = secrets.token_bytes(28)
        policy = _policy(key=key, ssrc_type=_policy.SSRC_SPECIFIC, ssrc_value=1, srtp_profile=GCM)
        self._direction = Direction(Session(policy), self.tag)
        self.slot.path_changed()

    @property
    def port(self) -> int:
        return self.socket.getsockname()[1]

    @property
    def handle(self) -> Any:
        return self._direction.handle

    def send_rtp(self, size: int) -> None:
        number = self._log.stamp_one(self.lane, size + self.tag, clock.now())
        self._buffer.bytes[HEAD - 4 : HEAD - 2] = number.to_bytes(2, "big")
        self._wire.send(self._buffer.view[: self._direction.seal(self._buffer, size)], self.name)

    def send_sealed(self, datagram: memoryview) -> None:
        raise AssertionError("an ear is reached by datagrams")

    def send_rtcp(self, compound: bytes) -> None:
        """Reports are not listened to."""

    def heard(self) -> list[bytes]:
        """The datagrams that have come, opened."""
        found, buffer = list[bytes](), Buffer()
        while True:
            try:
                size = self.socket.recv_into(buffer.view)
            except BlockingIOError:
                return found
            size = self._opening.open(buffer, size)
            assert size, "a datagram that cannot be opened"
            found.append(bytes(buffer.view[:size]))

    def seen(self) -> list[Seen]:
        return [see(datagram) for datagram in self.heard()]


class Stage:
    """A camera in front of the wire; everybody's slot shows it."""

    def __init__(self, *, host: str = "127.0.0.1", wire: Wire | None = None) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        widen(self.socket)
        self.socket.bind((host, 0))
        self.log = SendLog(64)
        self.wire = wire or Wire(self.socket.fileno(), 16, self.log)
        sending = Sending("H264", 96, 97, (Sent("", 1234, 1235),), "0", {}, 1)
        self.producer = Producer(
            endpoint="an",
            source="camera",
            kind="video",
            sending=sending,
            sender_clock=clock.SenderClock(),
            watcher=self,
            wire=self.wire,
            ask_key_frame=lambda encoding: None,
        )
        (self.encoding,) = self.producer.encodings
        self.ears: list[Ear] = []
        self._sequence, self._packet, self._ids = 0, Packet(), ExtensionIds()

    def producer_started(self, producer: Producer, *, again: bool) -> None:
        """Nobody else is told."""

    def heard(self, producer: Producer, level: int, now: int) -> None:
        """A camera is not heard."""

    def seat(self, count: int, *, host: str = "127.0.0.1", profile: int = GCM) -> list[Ear]:
        seated = [Ear(self.wire, self.log, host=host, profile=profile) for _ in range(count)]
        for ear in seated:
            ear.slot.show(self.producer)
        self.ears += seated
        return seated

    def leave(self, ear: Ear) -> None:
        ear.slot.want(None)
        self.ears.remove(ear)
        self.log.free(ear.lane)
        ear.socket.close()

    def frame(self, payloads: Sequence[bytes]) -> None:
        """Packets that come at once, and are sent on at once."""
        now, packet = clock.now(), self._packet
        for place, payload in enumerate(payloads):
            self._sequence += 1
            datagram = bytearray(rtp(self._sequence, now * 9 // 100, payload, marker=place == len(payloads) - 1))
            assert packet.read(datagram, len(datagram), self._ids)
            packet.view, packet.arrival = memoryview(datagram), now
            packet.number = self.encoding.stream.accept(packet.sequence, packet.timestamp, now)
            self.encoding.received(packet)
        self.wire.flush(now)

    def begin(self) -> None:
        """A key frame of one packet, which everybody hears."""
        self.frame([picture(8, key=True)])
        for ear in self.ears:
            ear.heard()

    def close(self) -> None:
        for ear in self.ears.copy():
            self.leave(ear)
        self.socket.close()


@contextmanager
def stage(*, host: str = "127.0.0.1", wire: Wire | None = None) -> Generator[Stage]:
    made = Stage(host=host, wire=wire)
    try:
        yield made
    finally:
        made.close()


def picture(size: int, *, key: bool = False) -> bytes:
    """An H.264 payload of so many bytes that are like no others: a parameter set, or a slice."""
    return (b"\x67" if key else b"\x41") + secrets.token_bytes(size - 1)
