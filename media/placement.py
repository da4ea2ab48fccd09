"""Which relay carries the next endpoint of a router. Pure: what every relay carries goes in, one relay comes out.

A meeting stays on one relay while there is room: a second one costs a pipe for every producer seen on both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CAP = 600
"""Endpoints that one relay carries: the fan-out of one packet to all of them is part of everybody's transit time."""


@dataclass(frozen=True)
class Standing:
    """``endpoints`` of all routers; ``cpu``: the share of one core that the process last used (0 to 1)."""

    relay: str
    number: int
    endpoints: int = 0
    cpu: float = 0.0


def place(relays: Iterable[Standing], held: Mapping[str, int], cap: int = CAP) -> str | None:
    """The relay for one more endpoint; ``None`` without relays.

    ``held``: relay → endpoints of this router there. A relay that holds the router and has room comes first, the one
    with most of it before others; then the least loaded with room; then, everything being full, the least loaded at
    all: nobody is turned away.
    """
    standing = list(relays)
    if not standing:
        return None
    roomy = [each for each in standing if each.endpoints < cap]
    holding = [each for each in roomy if held.get(each.relay)]
    if holding:
        return max(holding, key=lambda each: (held[each.relay], -each.number)).relay
    return min(roomy or standing, key=lambda each: _load(each, cap)).relay


def _load(relay: Standing, cap: int) -> tuple[float, int, int]:
    """Tenths of the machine decide first, so that idle noise does not."""
    return (round(max(relay.cpu, relay.endpoints / cap), 1), relay.endpoints, relay.number)
