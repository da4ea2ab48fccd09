"""What a producer can be sent as: its encodings and their temporal layers, each with the bit rate that it has now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from media.allocator import Rung
from media.fan import TOP

if TYPE_CHECKING:
    from media.encoding import Encoding

LAYERS = 3
"""Temporal layers that a picture may have; a fourth is sent with the third."""
SPAN = 250_000
"""Least time between two readings, in microseconds."""
WEIGHT = 0.3
FIRST_RATES = (100_000, 250_000, 700_000)
"""Bit rates taken for layers that have only just begun, by their place."""


class Meter:
    """Bit rates of one encoding, by temporal layer; ``rates`` are cumulative: a layer and all below it."""

    __slots__ = ("_at", "_read", "layers", "rates")

    def __init__(self) -> None:
        self.layers = 1
        self.rates: list[float] = [0.0] * LAYERS
        self._at = 0
        self._read = [0] * LAYERS

    def read(self, octets: Sequence[int], now: int) -> None:
        """``octets`` by temporal layer since the start."""
        passed = now - self._at
        if passed < SPAN:
            return
        first, self._at = not self._at, now
        total = 0.0
        for layer in range(LAYERS):
            new = octets[layer] - self._read[layer]
            if layer == LAYERS - 1:
                new += octets[layer + 1] if len(octets) > LAYERS else 0
            self._read[layer] += new
            if new and layer:
                self.layers = max(self.layers, layer + 1)
            total += new * 8_000_000 / passed
            if not first:
                before = self.rates[layer]
                self.rates[layer] = total if not before else before + (total - before) * WEIGHT


SIMILAR = 0.12
"""By so much a rate may differ from what it was without making another ladder."""


def ladder(encodings: Sequence[Encoding], now: int) -> tuple[Rung, ...]:
    """The rungs of a producer, from worst to best; an encoding that is not sent has none that is alive.

    An encoding that nobody takes may have been stopped for that: it counts with the rate that it last had, and comes
    back some time after it is asked for. Larger
    pictures are offered with all their frames or half of them: fewer frames are worse than a smaller picture.
    """
    rungs: list[Rung] = []
    for place, encoding in enumerate(encodings):
        meter = encoding.meter
        alive = encoding.live or (encoding.started and (not encoding.comes_until or now < encoding.comes_until))
        for layer in range(LAYERS if encoding.codec == "VP8" else 1):
            rate = int(meter.rates[layer]) if meter.rates[-1] else FIRST_RATES[place] * (layer + 1) // LAYERS
            offered = alive and layer < meter.layers and (not place or layer >= meter.layers - 2)
            rungs.append(Rung(place, layer if layer < meter.layers - 1 else TOP, max(1, rate) if offered else 0))
    return tuple(rungs)


def alike(one: Sequence[Rung], other: Sequence[Rung]) -> bool:
    """Whether a choice made for the one would be made for the other."""
    return len(one) == len(other) and all(
        a.temporal == b.temporal and abs(a.bitrate - b.bitrate) <= SIMILAR * min(a.bitrate, b.bitrate)
        for a, b in zip(one, other, strict=True)
    )
