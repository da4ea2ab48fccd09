"""The recorder's door: one producer as plain RTP on a local socket (``messages.Record``).

Each packet bears its arrival at the relay in a header extension. A replay is sent from the ring, a handful of packets
at a time, and runs on into the live packets. Of several encodings the largest picture that comes is taken.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from typing import Any

from media import clock, rtcp
from media.encoding import Encoding
from media.messages import Record
from media.producer import Producer
from media.rtp import ONE_BYTE, Packet

_HEAD = struct.Struct("!BBHIIHHBqBH")
"""The RTP header; profile and length of the extension; element 1 of 8 bytes; three bytes of padding."""

REPLAY = 3_000_000
"""Microseconds of kept packets that are sent again."""
STEP, BURST = 0.005, 24
"""A replay sends so many packets each step (seconds): 5,000 a second, which a local socket's buffer holds."""
LEAP = 1000
"""Numbers left out after an outage, so that the recorder sees a gap. A mute is silence by rule and leaves out none."""
ABSENCE = 2_000_000
"""While the recorder is away a key frame is wanted so often, so that its replay can begin shortly before its return."""


class PlainRefused(Exception):
    """The address cannot be sent to."""


class Plain:
    """Opens a socket of its own, joined to the recorder's, so that nobody else's RTCP is heard. Raises
    ``PlainRefused``."""

    def __init__(self, record: Record, producer: Producer) -> None:
        self.record, self.producer = record, producer
        self.packets = self.unsent = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            self._socket.connect((record.address, record.port))
        except (OSError, OverflowError) as error:
            self._socket.close()
            raise PlainRefused(str(error)) from error
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._readable)
        self._head = bytearray(_HEAD.size)
        self._encoding = producer.best()
        self._offset, self._newest, self._generation = 0, -1, self._encoding.stream.generation
        self._stamp = self._stamp_offset = self._sent_at = 0
        self._cursor = self._encoding.replay_from(clock.now() - REPLAY) if record.replay else -1
        self._kept = Packet()
        self._pump: asyncio.TimerHandle | None = None
        self._wanted_at = 0
        for encoding in producer.encodings:
            encoding.consumers.append(self)
        if self._cursor >= 0:
            self._replay()
        else:
            self._encoding.want_key_frame()

    def forward(self, packet: Packet, encoding: Encoding) -> None:
        if encoding is not self._encoding:
            if encoding is not self.producer.best() or not self._changes_to(packet, encoding):
                return
        elif 0 <= self._cursor <= packet.number:
            return
        generation = encoding.stream.generation
        if generation != self._generation:
            only_mute = generation == self.producer.unmuted_at == self._generation + 1
            self._generation = generation
            if self._newest >= 0:
                self._offset = self._newest + (1 if only_mute else LEAP) - packet.number
        self._send(packet)

    def ended(self, producer: Producer) -> None:
        self._close_socket()

    def close(self) -> None:
        """Stops sending."""
        for encoding in self.producer.encodings:
            if self in encoding.consumers:
                encoding.consumers.remove(self)
        self._close_socket()

    def facts(self) -> dict[str, Any]:
        """For operators."""
        return {
            "endpoint": self.record.endpoint,
            "source": self.record.source,
            "to": f"{self.record.address}:{self.record.port}",
            "packets": self.packets,
            "unsent": self.unsent,
        }

    def _changes_to(self, packet: Packet, encoding: Encoding) -> bool:
        """Goes over to the best picture at its key frame: numbers and times go on without a leap."""
        if not packet.key:
            if not encoding.key_frame_comes:
                encoding.want_key_frame()
            return False
        rate = encoding.stream.clock_rate
        passed = encoding.sent_at(packet) - self._sent_at
        self._stamp_offset = self._stamp + max(passed * rate // 1_000_000, rate // 100) - packet.timestamp
        self._offset = self._newest + 1 - packet.number
        self._encoding, self._generation, self._cursor = encoding, encoding.stream.generation, -1
        return True

    def _replay(self) -> None:
        self._pump = None
        for _ in range(BURST):
            if self._cursor > self._encoding.newest:
                self._cursor = -1
                return
            if self._encoding.find(self._cursor, self._kept):
                self._send(self._kept)
            self._cursor += 1
        self._pump = self._loop.call_later(STEP, self._replay)

    def _send(self, packet: Packet) -> None:
        place = packet.number + self._offset
        stamp = packet.timestamp + self._stamp_offset & 0xFFFF_FFFF
        if place > self._newest:
            self._newest, self._stamp, self._sent_at = place, stamp, self._encoding.sent_at(packet)
        record = self.record
        payload_type = packet.marker | record.payload_type
        _HEAD.pack_into(
            self._head,
            0,
            0x90,
            payload_type,
            place & 0xFFFF,
            stamp,
            record.ssrc,
            ONE_BYTE,
            3,
            0x17,
            packet.arrival,
            0,
            0,
        )
        try:
            self._socket.sendmsg((self._head, packet.view[packet.start : packet.end]))
        except OSError as error:
            self.unsent += 1
            if error.errno == errno.ECONNREFUSED and packet.arrival - self._wanted_at > ABSENCE:
                self._wanted_at = packet.arrival
                self._encoding.want_key_frame()
            return
        self.packets += 1

    def _readable(self) -> None:
        for _ in range(16):
            try:
                datagram = self._socket.recv(2048)
            except OSError:
                return
            for kind, count, _ in rtcp.walk(datagram):
                if kind == rtcp.PAYLOAD_FEEDBACK and count in (rtcp.PICTURE_LOSS, rtcp.FULL_INTRA_REQUEST):
                    self._encoding.want_key_frame()

    def _close_socket(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
