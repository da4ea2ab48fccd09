"""A receiver that made the SDP offer itself: packets must bear its payload types and extension numbers, not ours.

mediasoup-client takes the router's numbers. A WHEP player has given its own in the offer, and the answer may not change
them (RFC 3264 section 6.1, RFC 8285 section 6).
"""

from __future__ import annotations

from collections.abc import Callable

from media.dtls import Certificate
from media.messages import MediaParameters
from media.ortc import PAYLOAD_TYPES, REPAIR_TYPES, extension_numbers, payload_types
from media.port import Port
from media.transport import Health, Transport

_FIRST_ELEMENT = 16
"""Where the elements of the header extension begin: no packet of ours names contributing sources."""


class Numbers:
    """The router's numbers → the receiver's. Raises ``CodecUnknown`` for capabilities that cannot be read."""

    def __init__(self, capabilities: MediaParameters) -> None:
        self._types = bytearray(range(128))
        for codec, (payload_type, repair_type) in payload_types(capabilities).items():
            self._types[PAYLOAD_TYPES[codec]] = payload_type
            if repair_type is not None:
                self._types[REPAIR_TYPES[codec]] = repair_type
        self._extensions = bytearray(16)
        for ours, theirs in extension_numbers(capabilities).items():
            self._extensions[ours] = theirs

    def write(self, packet: bytearray) -> None:
        """Renumbers an outgoing packet in place. An extension that the receiver did not offer becomes padding."""
        packet[1] = packet[1] & 0x80 | self._types[packet[1] & 0x7F]
        if not packet[0] & 0x10:
            return
        at, end = _FIRST_ELEMENT, _FIRST_ELEMENT + 4 * (packet[14] << 8 | packet[15])
        while at < end:
            head = packet[at]
            if not head:
                at += 1
                continue
            theirs, after = self._extensions[head >> 4], at + 2 + (head & 0x0F)
            if theirs:
                packet[at] = theirs << 4 | head & 0x0F
                at = after
            while at < after:
                packet[at] = 0
                at += 1


class NumberedTransport(Transport):
    """A transport whose packets leave with the receiver's numbers."""

    def __init__(
        self, port: Port, certificate: Certificate, on_health: Callable[[Health], None], numbers: Numbers
    ) -> None:
        super().__init__(port, certificate, on_health)
        self._numbers = numbers

    def send_rtp(self, size: int) -> None:
        self._numbers.write(self._port.outgoing.bytes)
        super().send_rtp(size)
