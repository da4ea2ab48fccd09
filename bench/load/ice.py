"""Connectivity checks of a controlling agent (RFC 8489, RFC 8445)."""

from __future__ import annotations

import hmac
import secrets
import socket
import struct
import zlib

_COOKIE = 0x2112A442
UFRAG, PASSWORD = "load", "load-load-load-load-load"
"""Of every load client: its peer signs its own checks with them."""


class Checks:
    """The checks of one pair. ``password`` is the peer's."""

    def __init__(self, ufrag: str, password: str) -> None:
        self._password = password.encode()
        name = f"{ufrag}:{UFRAG}".encode()
        self._attributes = (
            struct.pack(">HH", 0x0006, len(name))
            + name
            + bytes(-len(name) % 4)
            + struct.pack(">HHI", 0x0024, 4, 1_853_824_767)
            + struct.pack(">HHQ", 0x802A, 8, secrets.randbits(64))
            + struct.pack(">HH", 0x0025, 0)
        )
        self._waiting = b""

    def request(self) -> bytes:
        """A Binding request that nominates the pair."""
        self._waiting = secrets.token_bytes(12)
        size = len(self._attributes)
        message = struct.pack(">HHI", 0x0001, size + 24, _COOKIE) + self._waiting + self._attributes
        return _signed(message, self._password)

    def answered(self, datagram: bytes) -> bool:
        """Whether this is the success response to the last request."""
        return datagram[:2] == b"\x01\x01" and datagram[8:20] == self._waiting


def answer(datagram: bytes, address: tuple[str, int]) -> bytes | None:
    """The success response to a peer's own check from ``address``; ``None`` for anything else."""
    if datagram[:2] != b"\x00\x01" or len(datagram) < 20:
        return None
    port = address[1] ^ _COOKIE >> 16
    host = int.from_bytes(socket.inet_aton(address[0]), "big") ^ _COOKIE
    mapped = struct.pack(">HHBBHI", 0x0020, 8, 0, 1, port, host)
    head = struct.pack(">HHI", 0x0101, len(mapped) + 24, _COOKIE) + datagram[8:20]
    return _signed(head + mapped, PASSWORD.encode())


def _signed(message: bytes, password: bytes) -> bytes:
    """With MESSAGE-INTEGRITY, which the length counts already, and FINGERPRINT (RFC 8489 section 14)."""
    message += struct.pack(">HH", 0x0008, 20) + hmac.digest(password, message, "sha1")
    message = message[:2] + struct.pack(">H", len(message) - 20 + 8) + message[4:]
    return message + struct.pack(">HHI", 0x8028, 4, zlib.crc32(message) ^ 0x5354554E)
