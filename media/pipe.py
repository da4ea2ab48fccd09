"""One end of the way between two relays that carry the same router: SRTP with keys that the server made (RFC 7714).

What is sent are consumers of this relay's producers (``outflow.py``), one for each encoding, however many receivers
the other relay feeds from it. What is received stands behind uplinks like any browser's, so that a piped producer has
a ring, repetitions and key frame requests of its own; to the slots it is a producer of this relay (ADR 0010).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pylibsrtp

from media import clock, rtcp
from media.inflow import Way, parameters
from media.messages import (
    PIPE_KEY,
    ConnectPipe,
    FeedPipe,
    NewProducer,
    OpenPipe,
    PipeInventory,
    PipeOffer,
    PipeStream,
    Source,
)
from media.outflow import Outflow
from media.port import widen
from media.producer import Producer, Watcher
from media.rtp import Packet
from media.srtp import Buffer, Direction
from media.uplink import Uplink
from media.wire import Wire

if TYPE_CHECKING:
    from media.transport import Transport

TAG = 16
"""Bytes that sealing adds (RFC 7714 section 13.2)."""
WINDOW = 1024
"""Packets that may come late: a repetition from a browser is sent on in its old place."""
BATCH = 256
"""Datagrams taken in one turn of the event loop."""

_POLICY: Any = pylibsrtp.Policy

Find = Callable[[str, Source], Producer | None]


class PipeRefused(Exception):
    """The keys or the address cannot be used."""


class Pipe:
    """``address`` is this relay's own, ``uplinks`` what is received, by endpoint. Raises ``PipeRefused``."""

    def __init__(self, wish: OpenPipe, *, address: str, wire: Wire, packet: Packet, watcher: Watcher) -> None:
        self.wish = wish
        self.uplinks: dict[str, Uplink] = {}
        self.outflows: dict[int, tuple[PipeStream, Producer, list[Outflow]]] = {}
        """By the SSRC of the stream."""
        self.received = self.strange = self.sent = self.unsent = 0
        self._wire, self._packet, self._watcher = wire, packet, watcher
        self._opening = _direction(wish.opening_key, _POLICY.SSRC_ANY_INBOUND)
        self._sealing = _direction(wish.sealing_key, _POLICY.SSRC_ANY_OUTBOUND)
        self._in, self._out = Buffer(), Buffer()
        self._peer: tuple[str, int] | None = None
        self._fed = FeedPipe(wish.router, wish.pipe, (), ())
        self._by_ssrc: dict[int, Uplink | Outflow] = {}
        self._served: set[int] = set()
        """SSRCs that have been sent: a key must never meet the same SSRC and number twice (RFC 7714 section 8.1)."""
        self._socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        widen(self._socket)
        try:
            self._socket.bind((address, 0))
        except OSError as error:
            self._socket.close()
            raise PipeRefused(f"{address}: {error.strerror or error}") from error

    @property
    def fd(self) -> int:
        return self._socket.fileno()

    def offer(self) -> PipeOffer:
        address, port, *_ = self._socket.getsockname()
        return PipeOffer(address, port)

    def inventory(self) -> PipeInventory:
        return PipeInventory(self.wish.pipe, self._fed.sends, self._fed.receives, self._fed.paused)

    def connect(self, wish: ConnectPipe) -> None:
        """From now on only the other end is heard. The same again is no error. Raises ``PipeRefused``."""
        if self._peer == (wish.address, wish.port):
            return
        try:
            self._socket.connect((wish.address, wish.port))
        except (OSError, OverflowError) as error:
            raise PipeRefused(str(error)) from error
        self._peer = (wish.address, wish.port)

    # -- What the server wishes

    def feed(self, wish: FeedPipe, find: Find) -> list[tuple[str, Source]]:
        """Sends and receives what is wished for and nothing else. Returns what is no longer received."""
        self._fed = wish
        gone = self._receive({stream.ssrc: stream for stream in wish.receives})
        self._send({stream.ssrc: stream for stream in wish.sends}, find)
        for _, _, outflows in self.outflows.values():
            for outflow in outflows:
                outflow.pause(outflow.ssrc in wish.paused)
        return gone

    def _receive(self, wished: dict[int, PipeStream]) -> list[tuple[str, Source]]:
        wanted = {(stream.endpoint, stream.source) for stream in wished.values()}
        gone: list[tuple[str, Source]] = []
        for endpoint, uplink in list(self.uplinks.items()):
            for source in _sources(uplink):
                if (endpoint, source) not in wanted:
                    uplink.close_producer(source)
                    gone.append((endpoint, source))
            if not uplink.producers:
                del self.uplinks[endpoint]
        for stream in wished.values():
            uplink = self.uplinks.get(stream.endpoint)
            if uplink is None:
                way = cast("Transport", Way(self))
                uplink = self.uplinks[stream.endpoint] = Uplink(
                    stream.endpoint, way, self._wire, self._packet, self._watcher
                )
            producer = uplink.produce(NewProducer(stream.source, stream.kind, parameters(stream)))
            self._presume(producer)
        self._note()
        return gone

    def _presume(self, producer: Producer) -> None:
        """A producer that is piped is live: slots may wait for its key frame before its first packet is here."""
        if not producer.started:
            encoding = producer.encodings[0]
            encoding.live, encoding.arrival = True, clock.now()
            producer.encoding_started(encoding)

    def _send(self, wished: dict[int, PipeStream], find: Find) -> None:
        for ssrc, (stream, producer, outflows) in list(self.outflows.items()):
            if wished.get(ssrc) != stream or producer.closed:
                for outflow in outflows:
                    outflow.close()
                del self.outflows[ssrc]
        for ssrc, stream in wished.items():
            producer = find(stream.endpoint, stream.source)
            if ssrc in self._served or producer is None or len(producer.encodings) != stream.encodings:
                continue
            self._served.add(ssrc)
            self.outflows[ssrc] = (
                stream,
                producer,
                [
                    Outflow(encoding, ssrc + 2 * place, self._out, self._send_rtp, self.send_rtcp)
                    for place, encoding in enumerate(producer.encodings)
                ],
            )
        self._note()

    def _note(self) -> None:
        """Whose each SSRC is, in either direction: both ends number from the server's one count."""
        self._by_ssrc = {}
        for uplink in self.uplinks.values():
            for producer in uplink.producers.values():
                for encoding in producer.encodings:
                    for ssrc in (encoding.sent.ssrc, encoding.sent.repair_ssrc):
                        if ssrc is not None:
                            self._by_ssrc[ssrc] = uplink
        for _, _, outflows in self.outflows.values():
            self._by_ssrc |= {outflow.ssrc: outflow for outflow in outflows}

    # -- What goes on by itself

    def readable(self) -> None:
        """Takes what has come, and lets the port send what follows from it."""
        receive, buffer = self._socket.recv_into, self._in
        for _ in range(BATCH):
            try:
                size = receive(buffer.bytes)
            except BlockingIOError:
                break
            except OSError:
                continue
            self._arrived(buffer, size, clock.now())
        self._wire.flush(clock.now())

    def tick(self, now: int) -> None:
        """Every 50 ms: what is missing, who wants a key frame."""
        for uplink in self.uplinks.values():
            uplink.tick(now)

    def tick_second(self, now: int) -> None:
        """Every second: reports in both directions."""
        for uplink in self.uplinks.values():
            uplink.report(now)
        for _, producer, outflows in self.outflows.values():
            for outflow in outflows if not producer.closed else ():
                outflow.report(now)

    def facts(self) -> dict[str, Any]:
        """For operators."""
        return {
            "peer": f"{self._peer[0]}:{self._peer[1]}" if self._peer else None,
            "sent": self.sent,
            "unsent": self.unsent,
            "received": self.received,
            "strange": self.strange,
            "srtp_refused": [self._opening.refused, self._sealing.refused],
            "sends": [outflow.facts() for _, _, outflows in self.outflows.values() for outflow in outflows],
            "receives": list(self.uplinks),
        }

    def close(self) -> list[tuple[str, Source]]:
        """Returns what is no longer received."""
        gone = self.feed(FeedPipe(self.wish.router, self.wish.pipe, (), ()), lambda endpoint, source: None)
        self._socket.close()
        return gone

    # -- Packets

    def send_rtcp(self, compound: bytes) -> None:
        out = self._out
        out.view[: len(compound)] = compound
        self._launch(self._sealing.seal_rtcp(out, len(compound)))

    def forget(self, ssrc: int) -> None:
        """An incoming stream has ended."""
        self._opening.forget(ssrc)

    def _send_rtp(self, size: int) -> None:
        self._launch(self._sealing.seal(self._out, size))

    def _launch(self, size: int) -> None:
        if not size or self._peer is None:
            return
        try:
            self._socket.send(self._out.view[:size])
        except OSError:
            self.unsent += 1
            return
        self.sent += 1

    def _arrived(self, buffer: Buffer, size: int, now: int) -> None:
        self.received += 1
        if size < 12:
            self.strange += 1
        elif 192 <= buffer.bytes[1] <= 223:
            size = self._opening.open_rtcp(buffer, size)
            if size:
                self._heed(bytes(buffer.view[:size]), now)
        else:
            uplink = self._by_ssrc.get(int.from_bytes(buffer.view[8:12], "big"))
            if not isinstance(uplink, Uplink):
                self.strange += 1
                return
            size = self._opening.open(buffer, size)
            if size:
                uplink.rtp(buffer, size, now)

    def _heed(self, compound: bytes, now: int) -> None:
        for kind, count, body in rtcp.walk(compound):
            if kind == rtcp.SENDER_REPORT and (report := rtcp.sender_report(body)) is not None:
                uplink = self._by_ssrc.get(report[0])
                if isinstance(uplink, Uplink):
                    uplink.rtcp(compound, now)
            elif kind in (rtcp.TRANSPORT_FEEDBACK, rtcp.PAYLOAD_FEEDBACK):
                outflow = self._by_ssrc.get(rtcp.media_ssrc(body) or 0)
                if not isinstance(outflow, Outflow):
                    continue
                if kind == rtcp.TRANSPORT_FEEDBACK and count == rtcp.GENERIC_NACK:
                    outflow.repeat(rtcp.asked(body))
                elif kind == rtcp.PAYLOAD_FEEDBACK and count == rtcp.PICTURE_LOSS:
                    outflow.encoding.want_key_frame()


def _sources(uplink: Uplink) -> list[Source]:
    return list(uplink.producers)


def _direction(key: str, kind: int) -> Direction:
    try:
        secret = bytes.fromhex(key)
        if len(secret) != PIPE_KEY:
            raise ValueError(f"{len(secret)} bytes")
        policy = _POLICY(key=secret, ssrc_type=kind, srtp_profile=_POLICY.SRTP_PROFILE_AEAD_AES_128_GCM)
        policy.window_size = WINDOW
        return Direction(pylibsrtp.Session(policy=policy), TAG)
    except (ValueError, pylibsrtp.Error) as error:
        raise PipeRefused("keys") from error
