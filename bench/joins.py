"""What a join costs, and how long a storm of them takes.

Nothing is sent while single joins are measured, and what the processes use without joins is taken off. Of the storm
everything counts: it is over when picture and sound have reached everybody.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.assembly import FLOWING, Assembly
from bench.load.picture import FRAMES
from bench.machine import cpu_seconds, resident

STORM = 300
SINGLE, QUICK_SINGLE = 50, 20
EVERY = 0.2
"""Seconds between two single joins."""


def cases(*, quick: bool) -> Iterator[dict[str, Any]]:
    """Single joins, the storm, and what each site that receives holds of the relay's memory."""
    single = QUICK_SINGLE if quick else SINGLE
    with Assembly(single + STORM + single) as assembly:
        assembly.fill(2)
        yield _single(assembly, single - 2)
        yield _storm(assembly)
        if not quick:
            yield _single(assembly, single)


@dataclass(frozen=True)
class Used:
    """CPU seconds of relay and server."""

    relay: float
    server: float

    @classmethod
    def now(cls, assembly: Assembly) -> Used:
        return cls(assembly.relay_cpu(), cpu_seconds(assembly.server))

    def since(self, before: Used) -> Used:
        return Used(self.relay - before.relay, self.server - before.server)


def _single(assembly: Assembly, joins: int) -> dict[str, Any]:
    seated = assembly.seated
    seats = assembly.seats(joins)
    before, began = Used.now(assembly), time.monotonic()
    time.sleep(joins * EVERY / 2)
    idle, idled = Used.now(assembly).since(before), time.monotonic() - began
    before, began = Used.now(assembly), time.monotonic()
    joined = assembly.join(seats, at_once=1, every=EVERY)
    used, took = Used.now(assembly).since(before), time.monotonic() - began
    relay = (used.relay - idle.relay / idled * took) / joins * 1000
    server = (used.server - idle.server / idled * took) / joins * 1000
    return {
        "case": f"one join, {seated} seated",
        "joins": joins,
        "relay_cpu_ms": round(relay, 2),
        "server_cpu_ms": round(server, 2),
        "cpu_ms": round(relay + server, 2),
        "join_median_ms": round(joined["median_ms"], 1),
        "again": joined["again"],
        "flowing_s": None,
        "relay_kb_per_site": None,
    }


def _storm(assembly: Assembly) -> dict[str, Any]:
    assembly.stage.ask("send", shape="chromium", frames=FRAMES)
    seats, before = assembly.seats(STORM), assembly.seated
    used, memory = Used.now(assembly), sum(resident(pid) for pid in assembly.relays())
    began = time.monotonic()
    joined = assembly.join(seats, at_once=STORM)
    flowing = assembly.crowd.ask("flowing", group="relay", count=before + STORM, seconds=FLOWING)
    took = time.monotonic() - began
    used = Used.now(assembly).since(used)
    time.sleep(1)
    memory = sum(resident(pid) for pid in assembly.relays()) - memory
    assembly.stage.ask("hush")
    return {
        "case": f"{STORM} joins at once",
        "joins": STORM,
        "relay_cpu_ms": round(used.relay / STORM * 1000, 2),
        "server_cpu_ms": round(used.server / STORM * 1000, 2),
        "cpu_ms": round((used.relay + used.server) / STORM * 1000, 2),
        "join_median_ms": round(joined["median_ms"], 1),
        "again": joined["again"],
        "flowing_s": round(took, 2) if flowing["flowing"] == before + STORM else None,
        "relay_kb_per_site": round(memory / STORM / 1000, 1),
    }
