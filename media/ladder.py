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
WEIGHT = 0.2
BURST = 1.5
"""More than so many times what was expected is a key frame, and counts no further."""
FADE = 0.95
"""What of the rate that was expected stays expected after each reading: half of it after three seconds."""
HEADERS = 1.05
"""What headers and the seal add to the octets of a picture."""
FIRST_RATES = (100_000, 250_000, 700_000)
"""Bit rates expected of layers that have only just begun, by their place."""


class Meter:
    """Bit rates of one encoding, by temporal layer, each with all below it.

    ``rates`` are what comes now. ``expected`` are what will come when it is taken: an encoding that rests keeps the
    rates that it had. It often returns with less, because its sender tries out its own path first, and has its old
    rate again some seconds later.
    """

    __slots__ = ("_at", "_read", "_rests", "expected", "layers", "rates")

    def __init__(self) -> None:
        self.layers = 1
        self.rates: list[float] = [0.0] * LAYERS
        self.expected: list[float] = [0.0] * LAYERS
        self._at = 0
        self._read = [0] * LAYERS
        self._rests = True

    def read(self, octets: Sequence[int], now: int) -> None:
        """``octets`` by temporal layer since the start."""
        passed = now - self._at
        if passed < SPAN:
            return
        self._at = now
        new = [octets[layer] - self._read[layer] for layer in range(LAYERS)]
        new[-1] += sum(octets[LAYERS:])
        self._read = [before + more for before, more in zip(self._read, new, strict=True)]
        begins, self._rests = self._rests, not any(new)
        if begins and not self._rests:
            self.rates = [0.0] * LAYERS
            return
        total = 0.0
        for layer, more in enumerate(new):
            if more and layer:
                self.layers = max(self.layers, layer + 1)
            total += more * 8_000_000 / passed
            before, expected = self.rates[layer], self.expected[layer]
            if expected:
                total = min(total, BURST * expected)
            self.rates[layer] = rate = before + (total - before) * WEIGHT if before else total
            if not self._rests:
                self.expected[layer] = max(rate, FADE * expected)


SIMILAR = 0.12
"""By so much a rate may differ from what it was without making another ladder."""


def ladder(encodings: Sequence[Encoding], now: int) -> tuple[Rung, ...]:
    """The rungs of a producer, from worst to best; an encoding that is not sent has none that is alive.

    An encoding that nobody takes may have been stopped for that: it counts with the rate that it last had, and comes
    back some time after it is asked for. Larger pictures are offered with all their frames or half of them: fewer
    frames are worse than a smaller picture.
    """
    rungs: list[Rung] = []
    for place, encoding in enumerate(encodings):
        meter = encoding.meter
        alive = encoding.live or (encoding.started and (not encoding.comes_until or now < encoding.comes_until))
        for layer in range(LAYERS if encoding.codec == "VP8" else 1):
            rate = int(HEADERS * meter.expected[layer]) or FIRST_RATES[place] * (layer + 1) // LAYERS
            offered = alive and layer < meter.layers and (not place or layer >= meter.layers - 2)
            limit = layer if layer < meter.layers - 1 else TOP
            rungs.append(Rung(place, limit, max(1, rate) if offered else 0, encoding.height))
    return tuple(rungs)


def alike(one: Sequence[Rung], other: Sequence[Rung]) -> bool:
    """Whether a choice made for the one would be made for the other."""
    return len(one) == len(other) and all(
        a.temporal == b.temporal
        and a.height == b.height
        and abs(a.bitrate - b.bitrate) <= SIMILAR * min(a.bitrate, b.bitrate)
        for a, b in zip(one, other, strict=True)
    )
