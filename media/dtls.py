"""DTLS-SRTP of one transport (RFC 5763, RFC 5764), done by aiortc.

aiortc's transport wants an ICE transport: a shim with a role and two coroutines stands in for it. Only handshake
records pass through it, never media.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal, cast

from aiortc import rtcdtlstransport as aiortc_dtls
from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from OpenSSL import SSL

from media.srtp import Direction

MTU = 1200
"""Largest datagram of a flight, in bytes."""

WAITING = 16
"""Datagrams kept before the parameters of the peer are known: its ClientHello may come before them."""

HANDSHAKE = 30.0
"""Seconds that a handshake may take, or may never begin."""

Role = Literal["client", "server"]

PROFILES: list[SRTPProtectionProfile] = sorted(
    aiortc_dtls.SRTP_PROFILES, key=lambda profile: profile is not aiortc_dtls.SRTP_AEAD_AES_128_GCM
)
"""AES-128-GCM first: the server's order wins, and it is the cheapest to seal."""


TAGS = {b"GCM": 16, b"SHA1_80": 10, b"SHA1_32": 4}
"""Bytes of a packet's authentication tag, by what the profile's name holds (RFC 5764, RFC 7714)."""


class HandshakeFailed(Exception):
    """No keys were agreed on: a wrong fingerprint, no common profile, or no answer in time."""


class Certificate(RTCCertificate):
    """A certificate with one SSL context for all transports; aiortc makes one for each."""

    _context: SSL.Context | None = None
    _fingerprints: list[dict[str, str]] | None = None

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
        return self._context

    def fingerprints(self) -> list[dict[str, str]]:
        """As ``dtlsParameters`` carry them."""
        if self._fingerprints is None:
            self._fingerprints = [{"algorithm": p.algorithm, "value": p.value} for p in self.getFingerprints()]
        return self._fingerprints


class _Wire:
    """What stands in for aiortc's ICE transport."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.send = send
        self.closed = False
        self._datagrams: deque[bytes] = deque(maxlen=WAITING)
        self._come = asyncio.Event()

    def feed(self, datagram: bytes) -> None:
        self._datagrams.append(datagram)
        self._come.set()

    def close(self) -> None:
        self.closed = True
        self._come.set()

    async def _recv(self) -> bytes:
        while not self._datagrams:
            if self.closed:
                raise ConnectionError
            self._come.clear()
            await self._come.wait()
        return self._datagrams.popleft()


class _Transport(RTCDtlsTransport):
    """aiortc's transport, which sends flights of any size and lets its keys be taken."""

    def __init__(self, wire: _Wire, certificate: Certificate) -> None:
        super().__init__(cast("Any", wire), [certificate])
        self._wire = wire
        self._srtp_profiles = PROFILES

    async def agree(self, role: Role, fingerprints: Sequence[tuple[str, str]]) -> None:
        self._set_role(role)
        await self.start(RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value) for algorithm, value in fingerprints]))

    def keys(self) -> tuple[Direction, Direction]:
        profile = cast("SSL.Connection", self._ssl).get_selected_srtp_profile()
        tag = next(size for name, size in TAGS.items() if name in profile)
        name = profile.decode("ascii").removeprefix("SRTP_")
        return Direction(self._rx_srtp, tag, name), Direction(self._tx_srtp, tag, name)

    def say_goodbye(self) -> None:
        with suppress(SSL.Error):
            cast("SSL.Connection", self._ssl).shutdown()
            self.flush()

    async def _write_ssl(self) -> None:
        self.flush()

    def flush(self) -> None:
        connection = cast("SSL.Connection", self._ssl)
        try:
            flight = connection.bio_read(1 << 16)
        except SSL.Error:
            return
        for datagram in datagrams(flight):
            self._wire.send(datagram)


class Dtls:
    """The handshake of one transport and its end. ``on_closed`` is called when the peer says close_notify."""

    def __init__(self, certificate: Certificate, send: Callable[[bytes], None], on_closed: Callable[[], None]) -> None:
        self._wire = _Wire(send)
        self._dtls = _Transport(self._wire, certificate)
        self._on_closed = on_closed

    def feed(self, datagram: bytes) -> None:
        self._wire.feed(datagram)

    async def shake_hands(self, role: Role, fingerprints: Sequence[tuple[str, str]]) -> tuple[Direction, Direction]:
        """Returns the keys of the incoming and the outgoing direction. Raises ``HandshakeFailed``."""
        try:
            await asyncio.wait_for(self._dtls.agree(role, fingerprints), HANDSHAKE)
        except (TimeoutError, SSL.Error) as error:
            raise HandshakeFailed(repr(error)) from error
        if self._dtls.state != "connected":
            raise HandshakeFailed(self._dtls.state)
        self._dtls.on("statechange", self._changed)
        return self._dtls.keys()

    def close(self) -> None:
        """Says close_notify, so that the peer knows at once (Chromium waits about 7 s for a silent one)."""
        if self._wire.closed:
            return
        self._wire.close()
        self._dtls.remove_all_listeners()
        if self._dtls.state == "connected":
            self._dtls.say_goodbye()

    def _changed(self) -> None:
        if self._dtls.state == "closed":
            self._on_closed()


def datagrams(flight: bytes) -> Iterator[bytes]:
    """Cuts a flight into datagrams at the borders of its records (RFC 6347 section 4.1, RFC 9147 section 4)."""
    begin = at = 0
    while at < len(flight):
        end = min(at + _record_size(flight, at), len(flight))
        if end - begin > MTU and at > begin:
            yield flight[begin:at]
            begin = at
        at = end
    if begin < len(flight):
        yield flight[begin:]


def _record_size(flight: bytes, at: int) -> int:
    """The size of the record that begins at ``at``; all that is left when its header tells none."""
    first = flight[at]
    if first & 0xE0 == 0x20:
        length_at = 1 + (2 if first & 0x08 else 1)
        if not first & 0x04 or first & 0x10:
            return len(flight) - at
    else:
        length_at = 11
    return length_at + 2 + int.from_bytes(flight[at + length_at : at + length_at + 2], "big")
