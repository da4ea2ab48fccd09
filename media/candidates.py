"""What browsers are told of where the media port is: ICE candidates in mediasoup's words (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from media.messages import MediaParameters

HOST = 126
"""The type preference that RFC 8445 section 5.1.2.2 recommends for host candidates."""
BEHIND_UDP = 40
"""So much lower is TCP's: a path over UDP wins wherever there is one (RFC 6544 section 4.2)."""
PASSIVE = 4
"""The direction preference of a passive host candidate (RFC 6544 section 4.2)."""


def candidates(addresses: Sequence[str], port: int) -> list[MediaParameters]:
    """All addresses over UDP, in the order given, then all over TCP."""
    udp = [
        _candidate("udp", place, address, port, HOST << 24 | (0xFFFF - place) << 8 | 255)
        for place, address in enumerate(addresses)
    ]
    tcp = [
        {
            **_candidate("tcp", place, address, port, _tcp_priority(place)),
            "tcpType": "passive",
        }
        for place, address in enumerate(addresses)
    ]
    return udp + tcp


def _tcp_priority(place: int) -> int:
    return HOST - BEHIND_UDP << 24 | (PASSIVE << 13 | 0x1FFF - place) << 8 | 255


def _candidate(protocol: Literal["udp", "tcp"], place: int, address: str, port: int, priority: int) -> MediaParameters:
    return {
        "foundation": f"{protocol}{place}",
        "priority": priority,
        "ip": address,
        "address": address,
        "protocol": protocol,
        "port": port,
        "type": "host",
    }
