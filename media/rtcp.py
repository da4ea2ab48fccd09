"""RTCP: what receivers and senders tell about the media (RFC 3550 section 6, RFC 4585, RFC 5104).

Reading is tolerant: a broken packet ends the walk and keeps what was read before it; nothing raises.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, GOODBYE = 200, 201, 202, 203
TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK = 205, 206
GENERIC_NACK, TRANSPORT_CC = 1, 15
PICTURE_LOSS, FULL_INTRA_REQUEST, APPLICATION = 1, 4, 15

OURS = 1
"""The SSRC under which the relay reports."""

_SSRCS = struct.Struct("!II")
_ASK = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver reports of one stream (RFC 3550 section 6.4.1)."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay: int

    def pack(self) -> bytes:
        return struct.pack(
            "!IIIIII",
            self.ssrc,
            self.fraction << 24 | self.lost & 0xFF_FFFF,
            self.highest,
            self.jitter & 0xFFFF_FFFF,
            self.last_report,
            self.delay,
        )


def walk(compound: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The packets of a compound: packet type, count or format, and what follows the first four bytes."""
    at = 0
    while at + 4 <= len(compound):
        flags, kind, words = struct.unpack_from("!BBH", compound, at)
        end = at + 4 + 4 * words
        if flags >> 6 != 2 or end > len(compound):
            return
        body = compound[at + 4 : end]
        if flags & 0x20 and body and 0 < body[-1] <= len(body):
            body = body[: -body[-1]]
        yield kind, flags & 0x1F, body
        at = end


def media_ssrc(body: bytes) -> int | None:
    """Which stream a feedback packet speaks of."""
    return _SSRCS.unpack_from(body)[1] if len(body) >= 8 else None


def asked(body: bytes) -> list[int]:
    """The sequence numbers that a generic NACK asks for (RFC 4585 section 6.2.1)."""
    numbers: list[int] = []
    for at in range(8, len(body) - 3, 4):
        first, more = _ASK.unpack_from(body, at)
        numbers.append(first)
        numbers += [(first + bit + 1) & 0xFFFF for bit in range(16) if more >> bit & 1]
    return numbers


def intra_requests(body: bytes) -> list[int]:
    """The streams of which a FIR asks a key frame (RFC 5104 section 4.3.1)."""
    return [int.from_bytes(body[at : at + 4], "big") for at in range(8, len(body) - 7, 8)]


def report_blocks(body: bytes, count: int) -> list[ReportBlock]:
    """The blocks of a receiver report (RFC 3550 section 6.4.2), as many as are whole."""
    blocks: list[ReportBlock] = []
    for at in range(4, min(len(body), 4 + 24 * count) - 23, 24):
        ssrc, losses, highest, jitter, last_report, delay = struct.unpack_from("!IIIIII", body, at)
        blocks.append(ReportBlock(ssrc, losses >> 24, losses & 0xFF_FFFF, highest, jitter, last_report, delay))
    return blocks


def maximum_bitrate(body: bytes) -> int | None:
    """Bit/s of a receiver's estimate (draft-alvestrand-rmcat-remb-03 section 2.2); ``None`` if it is something else."""
    if len(body) < 16 or body[8:12] != b"REMB":
        return None
    return ((body[13] & 0x03) << 16 | body[14] << 8 | body[15]) << (body[13] >> 2)


def sender_report(body: bytes) -> tuple[int, int, int] | None:
    """SSRC, NTP time stamp and RTP time stamp of a sender report."""
    return struct.unpack_from("!IQI", body) if len(body) >= 24 else None


def nack(ssrc: int, sequences: Sequence[int]) -> bytes:
    """Asks for packets again. ``sequences`` are 16-bit and in order."""
    entries: list[bytes] = []
    at = 0
    while at < len(sequences):
        first, more = sequences[at], 0
        at += 1
        while at < len(sequences) and 0 < (sequences[at] - first & 0xFFFF) <= 16:
            more |= 1 << (sequences[at] - first & 0xFFFF) - 1
            at += 1
        entries.append(_ASK.pack(first, more))
    return _packet(TRANSPORT_FEEDBACK, GENERIC_NACK, _SSRCS.pack(OURS, ssrc) + b"".join(entries))


def picture_loss(ssrc: int) -> bytes:
    """Asks for a key frame (RFC 4585 section 6.3.1)."""
    return _packet(PAYLOAD_FEEDBACK, PICTURE_LOSS, _SSRCS.pack(OURS, ssrc))


def receiver_report(blocks: Sequence[ReportBlock]) -> bytes:
    """At most 31 blocks."""
    return _packet(RECEIVER_REPORT, len(blocks), struct.pack("!I", OURS) + b"".join(block.pack() for block in blocks))


def full_report(ssrc: int, *, ntp: int, stamp: int, packets: int, octets: int, cname: bytes) -> bytes:
    """A sender report and the source description that must go with it (RFC 3550 section 6.1)."""
    report = struct.pack("!IQIII", ssrc, ntp, stamp & 0xFFFF_FFFF, packets & 0xFFFF_FFFF, octets & 0xFFFF_FFFF)
    chunk = struct.pack("!IBB", ssrc, 1, len(cname)) + cname + b"\0"
    chunk += bytes(-len(chunk) % 4)
    return _packet(SENDER_REPORT, 0, report) + _packet(SOURCE_DESCRIPTION, 1, chunk)


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
