"""Connectivity checks, as an ICE-lite agent meets them (RFC 8489, RFC 8445).

A check counts only when its FINGERPRINT and its MESSAGE-INTEGRITY hold; anything else is ``None`` or ``False``,
never an exception.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass

COOKIE = 0x2112A442
BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101
USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
XOR_MAPPED_ADDRESS = 0x0020
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028
FINGERPRINT_XOR = 0x5354554E

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class Check:
    """A Binding request. ``ufrag`` is the receiver's, the first half of USERNAME (RFC 8445 section 7.2.2)."""

    transaction: bytes
    ufrag: str
    nominates: bool
    covered: bytes
    """What MESSAGE-INTEGRITY covers, with the length as it counts then (RFC 8489 section 14.5)."""
    integrity: bytes

    def proves(self, password: bytes) -> bool:
        return hmac.compare_digest(hmac.digest(password, self.covered, "sha1"), self.integrity)


def read_check(datagram: bytes) -> Check | None:
    """The check in a datagram; ``None`` unless it is a whole Binding request with a right FINGERPRINT at its end."""
    size = len(datagram)
    if size < _HEADER.size:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(datagram)
    if kind != BINDING_REQUEST or cookie != COOKIE or length % 4 or length != size - _HEADER.size:
        return None
    at, ufrag, nominates, covered, integrity = _HEADER.size, "", False, b"", b""
    while at < size:
        kind, length = _ATTRIBUTE.unpack_from(datagram, at)
        value, after = at + _ATTRIBUTE.size, at + _ATTRIBUTE.size + (length + 3 & ~3)
        if after > size:
            return None
        if kind == FINGERPRINT:
            right = length == 4 and after == size and _fingerprint(datagram[:at]) == datagram[value:after]
            if not (right and integrity and ufrag):
                return None
            return Check(transaction, ufrag, nominates, covered, integrity)
        if integrity:
            return None
        if kind == USERNAME:
            ufrag = datagram[value : value + length].partition(b":")[0].decode("ascii", "replace")
        elif kind == USE_CANDIDATE:
            nominates = True
        elif kind == MESSAGE_INTEGRITY:
            if length != 20:
                return None
            covered = _with_length(datagram[:at], after - _HEADER.size)
            integrity = datagram[value:after]
        at = after
    return None


def answer(check: Check, address: tuple[str, int], password: bytes) -> bytes:
    """The success response, which tells the sender how its address looks from here."""
    ip = unmapped(address[0])
    mask = struct.pack("!I", COOKIE) + check.transaction
    hidden = bytes(a ^ b for a, b in zip(ip.packed, mask, strict=False))
    port = address[1] ^ (COOKIE >> 16)
    value = struct.pack("!BBH", 0, 1 if ip.version == 4 else 2, port) + hidden
    body = _ATTRIBUTE.pack(XOR_MAPPED_ADDRESS, len(value)) + value
    head = _HEADER.pack(BINDING_SUCCESS, len(body) + 24, COOKIE, check.transaction)
    signed = head + body
    signed += _ATTRIBUTE.pack(MESSAGE_INTEGRITY, 20) + hmac.digest(password, signed, "sha1")
    return _with_length(signed, len(signed) - _HEADER.size + 8) + _ATTRIBUTE.pack(FINGERPRINT, 4) + _fingerprint(signed)


def unmapped(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address itself: a dual-stack socket shows IPv4 as ``::ffff:…`` (RFC 4291 section 2.5.5.2)."""
    ip = ipaddress.ip_address(host)
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip


def written(host: str, port: int) -> str:
    """``address:port`` as people write it."""
    ip = unmapped(host)
    return f"{ip}:{port}" if ip.version == 4 else f"[{ip}]:{port}"


def _with_length(message: bytes, length: int) -> bytes:
    return message[:2] + length.to_bytes(2, "big") + message[4:]


def _fingerprint(message: bytes) -> bytes:
    """Of a message that ends where FINGERPRINT begins (RFC 8489 section 14.7)."""
    counted = _with_length(message, len(message) - _HEADER.size + 8)
    return (zlib.crc32(counted) ^ FINGERPRINT_XOR).to_bytes(4, "big")
