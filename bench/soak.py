"""Twenty minutes at 20,000 packets a second: does memory grow, does anything get lost."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.assembly import Assembly
from bench.load.picture import FRAMES, SOUNDS
from bench.machine import port_drops, resident, udp_errors

PACKETS_A_SECOND = 20_000
RECEIVERS = math.ceil(PACKETS_A_SECOND / (4 * FRAMES + SOUNDS))
SECONDS, QUICK_SECONDS = 1200.0, 30.0
SAMPLES = 120
WARMING = 0.2
"""The share of the time before memory is looked at: caches and rings fill."""


def cases(*, quick: bool) -> Iterator[dict[str, Any]]:
    """One case. ``slope_kb_per_min`` is the straight line through the relay's resident memory."""
    seconds = QUICK_SECONDS if quick else SECONDS
    with Assembly(RECEIVERS) as assembly:
        assembly.fill(RECEIVERS)
        counts, sent = assembly.settle(), assembly.stage.ask("sent")
        errors, dropped = udp_errors(), port_drops(*assembly.ports)
        cpu = assembly.relay_cpu()
        assembly.stage.ask("send", shape="chromium", frames=FRAMES)
        memory = list(_memory(assembly, seconds))
        after = assembly.stage.ask("hush")
        used = assembly.relay_cpu() - cpu
        arrived = assembly.settle()
        failed = udp_errors().since(errors)
        packets = RECEIVERS * sum(after[kind] - sent[kind] for kind in ("video", "audio"))
        settled = memory[int(len(memory) * WARMING) :]
        yield {
            "case": "soak",
            "receivers": RECEIVERS,
            "seconds": round(seconds),
            "sent": packets,
            "received": arrived["media"] - counts["media"],
            "packets_per_s": round((arrived["media"] - counts["media"]) / seconds),
            "slope_kb_per_min": round(slope(settled) * 60 / 1000, 2),
            "resident_mb": round(memory[-1][1] / 1e6, 1),
            "relay_eagain": failed.send,
            "rcvbuf_errors": failed.receive,
            "relay_dropped": port_drops(*assembly.ports) - dropped,
            "load_dropped": arrived["dropped"] - counts["dropped"],
            "compared": arrived["compared"] - counts["compared"],
            "differing": arrived["differing"] + arrived["refused"],
            "us_per_packet": round(used / max(1, arrived["media"] - counts["media"]) * 1e6, 2),
        }


def slope(points: list[tuple[float, float]]) -> float:
    """The slope of the straight line that fits best."""
    at, value = np.array([point[0] for point in points]), np.array([point[1] for point in points])
    return float(((at - at.mean()) * (value - value.mean())).sum() / ((at - at.mean()) ** 2).sum())


def _memory(assembly: Assembly, seconds: float) -> Iterator[tuple[float, float]]:
    """Seconds since the begin, and bytes that the relay holds."""
    began = time.monotonic()
    for place in range(SAMPLES):
        time.sleep(max(0.0, began + (place + 1) * seconds / SAMPLES - time.monotonic()))
        held = sum(resident(pid) for pid in assembly.relays())
        yield time.monotonic() - began, held
        if place % 10 == 9 and sys.stderr.isatty():
            print(f"{time.monotonic() - began:6.0f} s  {held / 1e6:7.1f} MB", file=sys.stderr)
