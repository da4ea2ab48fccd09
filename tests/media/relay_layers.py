"""A site whose picture has three temporal layers, as Chromium sends it: every fourth frame is of the base layer."""

from __future__ import annotations

from relay_packets import Seen
from test_slot import FRAME, Sender

PATTERN = ((0, False), (2, True), (1, True), (2, False))
"""Temporal layer and layer-sync bit (RFC 7741 section 4.2) of four frames in a row."""

_LAYER_AT = 25
"""Where the byte with both stands: behind twelve bytes of header, eight of extensions, five of the descriptor."""


class LayeredSender(Sender):
    def layered(
        self, now: int, temporal: int, *, sync: bool = False, key: bool = False, packets: int = 1
    ) -> list[bytes]:
        """One frame of a temporal layer. TL0PICIDX counts those of the base layer."""
        if temporal:
            self.tl0 -= 1
        made = [bytearray(datagram) for datagram in self.make(now, key=key, packets=packets)]
        for datagram in made:
            datagram[_LAYER_AT] = temporal << 6 | sync << 5
        return [bytes(datagram) for datagram in made]

    def show(self, now: int, temporal: int, *, sync: bool = False, key: bool = False, packets: int = 1) -> None:
        """Makes a frame and delivers it."""
        for datagram in self.layered(now, temporal, sync=sync, key=key, packets=packets):
            self.deliver(datagram, now, flush=False)
        self.wire.flush(now)

    def run(self, now: int, frames: int, *, packets: int = 1) -> int:
        """Frames by the pattern, the first a key frame. Returns the time after them."""
        for place in range(frames):
            temporal, sync = PATTERN[place % 4]
            self.show(now, temporal, sync=sync, key=place == 0, packets=packets)
            now += FRAME
        return now


def temporal(seen: Seen) -> int:
    return seen.payload[5] >> 6
