"""Connectivity checks of a controlling agent (RFC 8489, RFC 8445)."""

from __future__ import annotations

import hmac
import secrets
import struct
import zlib

_COOKIE = 0x2112A442


class Checks:
    """The checks of one pair. ``password`` is the peer's."""

    def __init__(self, ufrag: str, password: str) -> None:
        self._password = password.encode()
        name = f"{ufrag}:load".encode()
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
        message += struct.pack(">HH", 0x0008, 20) + hmac.digest(self._password, message, "sha1")
        message = message[:2] + struct.pack(">H", size + 32) + message[4:]
        return message + struct.pack(">HHI", 0x8028, 4, zlib.crc32(message) ^ 0x5354554E)

    def answered(self, datagram: bytes) -> bool:
        """Whether this is the success response to the last request."""
        return datagram[:2] == b"\x01\x01" and datagram[8:20] == self._waiting
