"""DTLS-SRTP of one transport (RFC 5763, RFC 5764): datagrams in, datagrams out, without a task.

The certificate, the contexts and the SRTP profiles are aiortc's. Only handshake records pass through here, never media.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal

from aiortc import rtcdtlstransport as aiortc_dtls
from aiortc.rtcdtlstransport import (
    X509_DIGEST_ALGORITHMS,
    RTCCertificate,
    SRTPProtectionProfile,
    certificate_digest,
)
from OpenSSL import SSL
from pylibsrtp import Policy, Session

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


class Certificate(RTCCertificate):
    """A certificate with one SSL context for all transports; aiortc makes one for each."""

    _context: SSL.Context | None = None
    _fingerprints: list[dict[str, str]] | None = None

    def connection(self) -> SSL.Connection:
        """A new connection over memory."""
        if self._context is None:
            self._context = self._create_ssl_context(PROFILES)
        return SSL.Connection(self._context)

    def fingerprints(self) -> list[dict[str, str]]:
        """As ``dtlsParameters`` carry them."""
        if self._fingerprints is None:
            self._fingerprints = [{"algorithm": p.algorithm, "value": p.value} for p in self.getFingerprints()]
        return self._fingerprints


Keys = tuple[Direction, Direction]
"""Of the incoming and of the outgoing direction."""


class Dtls:
    """The handshake of one transport and its end.

    One of ``on_keys`` and ``on_failed`` (a wrong fingerprint, no common profile, no answer in time) is called once;
    ``on_closed`` when the peer says close_notify.
    """

    def __init__(
        self,
        certificate: Certificate,
        send: Callable[[bytes], None],
        *,
        on_keys: Callable[[Keys], None],
        on_failed: Callable[[str], None],
        on_closed: Callable[[], None],
    ) -> None:
        self._certificate, self._send = certificate, send
        self._on_keys, self._on_failed, self._on_closed = on_keys, on_failed, on_closed
        self._early: deque[bytes] = deque(maxlen=WAITING)
        self._ssl: SSL.Connection | None = None
        self._role: Role = "server"
        self._fingerprints: Sequence[tuple[str, str]] = ()
        self._agreed = self._over = False
        self._again: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def shake_hands(self, role: Role, fingerprints: Sequence[tuple[str, str]]) -> None:
        """Begins. ``fingerprints``: algorithm and value, which the peer's certificate must have."""
        self._role, self._fingerprints = role, fingerprints
        self._ssl = self._certificate.connection()
        if role == "server":
            self._ssl.set_accept_state()
        else:
            self._ssl.set_connect_state()
        self._deadline = asyncio.get_running_loop().call_later(HANDSHAKE, self._fail, "no answer in time")
        self._advance(self._ssl)
        while self._early:
            self.feed(self._early.popleft())

    def feed(self, datagram: bytes) -> None:
        if self._ssl is None:
            self._early.append(datagram)
        elif not self._over:
            self._ssl.bio_write(datagram)
            self._advance(self._ssl)

    def close(self) -> None:
        """Says close_notify, so that the peer knows at once (Chromium waits about 7 s for a silent one)."""
        if self._over:
            return
        self._end()
        if self._ssl is not None and self._agreed:
            with suppress(SSL.Error):
                self._ssl.shutdown()
            self._flush(self._ssl)

    # --

    def _advance(self, ssl: SSL.Connection) -> None:
        """Goes as far as what has come allows."""
        try:
            if self._agreed:
                ssl.recv(MTU)
            else:
                ssl.do_handshake()
        except SSL.WantReadError:
            self._flush(ssl)
        except SSL.ZeroReturnError:
            self._flush(ssl)
            self._end()
            self._on_closed()
        except SSL.Error as error:
            self._flush(ssl)
            if not self._agreed:
                self._fail(repr(error))
        else:
            self._flush(ssl)
            if not self._agreed:
                self._agree(ssl)

    def _agree(self, ssl: SSL.Connection) -> None:
        if not _is(ssl, self._fingerprints):
            self._fail("another certificate than was told")
            return
        profile = _profile(ssl)
        if profile is None:
            self._fail("no common SRTP profile")
            return
        self._agreed = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._on_keys(_keys(ssl, profile, self._role))

    def _flush(self, ssl: SSL.Connection) -> None:
        """Sends what is to be sent, and again when it is time (RFC 6347 section 4.2.4)."""
        with suppress(SSL.Error):
            for datagram in datagrams(ssl.bio_read(1 << 16)):
                self._send(datagram)
        if self._again is not None:
            self._again.cancel()
            self._again = None
        left = None if self._over else ssl.DTLSv1_get_timeout()
        if left is not None:
            self._again = asyncio.get_running_loop().call_later(left, self._repeat, ssl)

    def _repeat(self, ssl: SSL.Connection) -> None:
        self._again = None
        try:
            ssl.DTLSv1_handle_timeout()
        except SSL.Error as error:
            self._fail(repr(error))
        else:
            self._flush(ssl)

    def _fail(self, reason: str) -> None:
        if not self._over and not self._agreed:
            self._end()
            self._on_failed(reason)

    def _end(self) -> None:
        self._over = True
        for timer in (self._again, self._deadline):
            if timer is not None:
                timer.cancel()
        self._again = self._deadline = None


def _is(ssl: SSL.Connection, fingerprints: Sequence[tuple[str, str]]) -> bool:
    """Whether the peer's certificate is the one that was told: at least one digest is known to us, and all that are
    hold (RFC 8122 section 5)."""
    certificate = ssl.get_peer_certificate(as_cryptography=True)
    told = [(name.lower(), value.upper()) for name, value in fingerprints if name.lower() in X509_DIGEST_ALGORITHMS]
    if certificate is None or not told:
        return False
    return all(certificate_digest(certificate, name) == value for name, value in told)


def _profile(ssl: SSL.Connection) -> SRTPProtectionProfile | None:
    name = ssl.get_selected_srtp_profile()
    return next((profile for profile in PROFILES if profile.openssl_profile == name), None)


def _keys(ssl: SSL.Connection, profile: SRTPProtectionProfile, role: Role) -> Keys:
    """RFC 5764 section 4.2. The client's key and salt come first."""
    material = ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length))
    theirs, ours = (0, 1) if role == "server" else (1, 0)
    tag = next(size for name, size in TAGS.items() if name in profile.openssl_profile)
    name = profile.openssl_profile.decode("ascii").removeprefix("SRTP_")

    def direction(place: int, ssrc_type: Any) -> Direction:
        policy = Policy(
            key=profile.get_key_and_salt(material, place), ssrc_type=ssrc_type, srtp_profile=profile.libsrtp_profile
        )
        policy.allow_repeat_tx = True
        policy.window_size = 1024
        return Direction(Session(policy), tag, name)

    policies: Any = Policy
    return direction(theirs, policies.SSRC_ANY_INBOUND), direction(ours, policies.SSRC_ANY_OUTBOUND)


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
