"""DTLS as a client and the SRTP that follows from it (RFC 5764), without a task: datagrams in, datagrams out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from typing import Any

import pylibsrtp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

_binding: Any = import_module("pylibsrtp._binding")
ffi, srtp = _binding.ffi, _binding.lib

_policy: Any = pylibsrtp.Policy
_PROFILES: dict[bytes, tuple[int, int, int]] = {
    b"SRTP_AEAD_AES_128_GCM": (_policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    b"SRTP_AES128_CM_SHA1_80": (_policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}
"""Bytes of key and salt. The server chooses."""
_MTU = 1200
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"sha-256": hashes.SHA256, "sha-384": hashes.SHA384}


class WrongCertificate(Exception):
    """The peer is not who the signalling said."""


@cache
def context() -> tuple[SSL.Context, str]:
    """One SSL context and the SHA-256 fingerprint of its certificate, for all clients of this process."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "load")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    made = SSL.Context(SSL.DTLS_METHOD)
    made.set_verify(SSL.VERIFY_PEER, _anybody)
    made.use_certificate(certificate)
    made.use_privatekey(key)
    made.set_tlsext_use_srtp(b":".join(_PROFILES))
    return made, _print(certificate, "sha-256")


class Handshake:
    """A DTLS client. ``keys`` are (incoming, outgoing) once it is done. Raises ``WrongCertificate`` from ``feed``."""

    def __init__(self, fingerprints: Sequence[tuple[str, str]], send: Callable[[bytes], None]) -> None:
        self.keys: tuple[Direction, Direction] | None = None
        self._fingerprints, self._send = fingerprints, send
        self._ssl = SSL.Connection(context()[0], None)
        self._ssl.set_ciphertext_mtu(_MTU)
        self._ssl.set_connect_state()

    def start(self) -> None:
        self._step()

    def feed(self, datagram: bytes) -> None:
        self._ssl.bio_write(datagram)
        if self.keys is None:
            self._step()

    def tick(self) -> None:
        """Sends the last flight again when it is time."""
        left = self._ssl.DTLSv1_get_timeout()
        if self.keys is None and left is not None and left <= 0:
            self._ssl.DTLSv1_handle_timeout()
            self._flush()

    def close(self) -> None:
        """Says close_notify."""
        with suppress(SSL.Error):
            self._ssl.shutdown()
        self._flush()

    def _step(self) -> None:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        self._flush()
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        if certificate is None or not any(
            algorithm in _HASHES and _print(certificate, algorithm) == value.upper()
            for algorithm, value in self._fingerprints
        ):
            raise WrongCertificate
        profile, key, salt = _PROFILES[self._ssl.get_selected_srtp_profile()]
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        mine = material[:key] + material[2 * key : 2 * key + salt]
        theirs = material[key : 2 * key] + material[2 * key + salt :]
        self.keys = Direction(theirs, profile, inward=True), Direction(mine, profile, inward=False)

    def _flush(self) -> None:
        try:
            flight = self._ssl.bio_read(1 << 16)
        except SSL.Error:
            return
        for datagram in _datagrams(flight):
            self._send(datagram)


class Direction:
    """One direction's SRTP. Packets are sealed and opened where they lie, by their address."""

    def __init__(self, key: bytes, profile: int, *, inward: bool) -> None:
        kind = _policy.SSRC_ANY_INBOUND if inward else _policy.SSRC_ANY_OUTBOUND
        policy = _policy(key=key, ssrc_type=kind, srtp_profile=profile)
        policy.allow_repeat_tx = True
        self._session = pylibsrtp.Session(policy)
        self._handle: Any = self._session._srtp[0]  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue]
        self._length: Any = ffi.new("int *")

    def seal(self, pointer: Any, size: int) -> int:
        """The new size, 0 when it cannot be done; so do the others."""
        return self._work(srtp.srtp_protect, pointer, size)

    def seal_rtcp(self, pointer: Any, size: int) -> int:
        return self._work(srtp.srtp_protect_rtcp, pointer, size)

    def open(self, pointer: Any, size: int) -> int:
        return self._work(srtp.srtp_unprotect, pointer, size)

    def open_rtcp(self, pointer: Any, size: int) -> int:
        return self._work(srtp.srtp_unprotect_rtcp, pointer, size)

    def _work(self, work: Any, pointer: Any, size: int) -> int:
        self._length[0] = size
        return 0 if work(self._handle, pointer, self._length) else self._length[0]


def _anybody(*_: object) -> bool:
    """Certificates are told by their fingerprints, after the handshake."""
    return True


def _print(certificate: x509.Certificate, algorithm: str) -> str:
    return certificate.fingerprint(_HASHES[algorithm]()).hex(":").upper()


def _datagrams(flight: bytes) -> Iterator[bytes]:
    """Cuts a flight at the borders of its records (RFC 6347 section 4.1)."""
    begin = at = 0
    while at < len(flight):
        end = at + 13 + int.from_bytes(flight[at + 11 : at + 13], "big")
        if end - begin > _MTU and at > begin:
            yield flight[begin:at]
            begin = at
        at = end
    if begin < len(flight):
        yield flight[begin:]
