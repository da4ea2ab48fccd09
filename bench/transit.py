"""How long a packet is under way from the sender's call to a receiver's socket, while 500 receive.

One clock, CLOCK_MONOTONIC: the sender writes it into each payload just before the packet is sealed; the kernel notes
the arrival at the receiver's socket (``SO_TIMESTAMPNS``), so that the load client's own lateness does not count. One
packet in a hundred is opened for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.assembly import Assembly, Window

RECEIVERS = 500
JOINS_A_SECOND = 20
SECONDS, QUICK_SECONDS = 20.0, 3.0
OPENED = 100


def cases(*, quick: bool) -> Iterator[dict[str, Any]]:
    """The stage's media to 500 receivers, alone and while others come in."""
    seconds = QUICK_SECONDS if quick else SECONDS
    with Assembly(RECEIVERS + round(JOINS_A_SECOND * seconds)) as assembly:
        assembly.fill(RECEIVERS)
        yield _case("transit", assembly.window(seconds, opened=OPENED))
        yield _with_joins(assembly, seconds)


def _with_joins(assembly: Assembly, seconds: float) -> dict[str, Any]:
    """Others come in, from a process of their own, for as long as the window is."""
    joins = round(JOINS_A_SECOND * seconds)
    with assembly.newcomers(joins, every=1 / JOINS_A_SECOND) as joined:
        window = assembly.window(seconds, opened=OPENED)
    return _case(f"transit, {JOINS_A_SECOND} joins/s", window) | {
        "joins": joins,
        "joins_seconds": round(joined["seconds"], 1),
        "join_median_ms": round(joined["median_ms"]),
    }


def _case(name: str, window: Window) -> dict[str, Any]:
    p50, p99, longest = window.transit_ms
    return {
        "case": name,
        "receivers": RECEIVERS,
        "p50_ms": round(p50, 2),
        "p99_ms": round(p99, 2),
        "max_ms": round(longest, 2),
        "delivered": round(window.arrived / window.expected, 5),
        "samples": window.compared,
        "differing": window.differing,
    }
