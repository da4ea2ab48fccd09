"""CPU of forwarding one packet to one receiver: the relay, the kernel's floor and Janus, turn by turn in one run.

What is sent: a stage at 25 frames a second, each of 4 back-to-back packets as Chromium's packetiser cuts them, and 50
Opus packets a second. Packets of other shapes (single, equal, evenly spaced, ragged) are cases of their own.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

from bench.assembly import Assembly, Window
from bench.load.picture import FRAMES, SHAPES, Shape
from bench.load.process import LoadProcess

RECEIVERS = (10, 50, 200, 500)
SHAPED = 50
"""Receivers of the cases with other shapes."""

ROUNDS, SECONDS = 6, 4.0
QUICK_SECONDS = 1.5
WHOLE = 0.999
LEAST_FRAMES = 5


def cases(*, quick: bool) -> Iterator[dict[str, Any]]:
    """One case for each number of receivers; unless quick also the shapes."""
    with Assembly(RECEIVERS[-1]) as assembly:
        bench = Forward(assembly, rounds=1 if quick else ROUNDS, seconds=QUICK_SECONDS if quick else SECONDS)
        try:
            for receivers in RECEIVERS:
                assembly.fill(receivers)
                yield bench.case("chromium")
                if receivers == SHAPED and not quick:
                    for shape in SHAPES[1:]:
                        yield bench.case(shape)
        finally:
            bench.close()


class Forward:
    def __init__(self, assembly: Assembly, *, rounds: int, seconds: float) -> None:
        self._assembly, self._rounds, self._seconds = assembly, rounds, seconds
        self._floor = LoadProcess(module="bench.floor")
        self._ears = 0

    def close(self) -> None:
        self._floor.stop()

    def case(self, shape: Shape) -> dict[str, Any]:
        """Medians over the rounds; ``delivered`` over all of them."""
        receivers, frames = self._assembly.seated, float(FRAMES)
        self._aim(receivers)
        windows: list[Window] = []
        floors: list[float] = []
        while len(windows) < self._rounds:
            window = self._assembly.window(self._seconds, shape, frames)
            if window.dropped and window.arrived < WHOLE * window.expected and frames > LEAST_FRAMES:
                frames /= 2
                windows, floors = [], []
                print(
                    f"{receivers} receivers: the load client dropped {window.dropped} packets; {frames:g} frames/s",
                    file=sys.stderr,
                )
                continue
            windows.append(window)
            floors.append(self._floor_window(shape, frames))
        own, floor = statistics.median(window.us_per_packet for window in windows), statistics.median(floors)
        return {
            "case": shape if shape != "chromium" else "stage",
            "receivers": receivers,
            "us_per_packet": round(own, 2),
            "floor_us": round(floor, 2),
            "janus_us": None,
            "delivered": round(sum(w.arrived for w in windows) / sum(w.expected for w in windows), 5),
            "times_floor": round(own / floor, 2),
            "packets_per_s": round(sum(w.arrived for w in windows) / len(windows) / self._seconds),
            "relay_dropped": sum(window.refused for window in windows),
            "load_dropped": sum(window.dropped for window in windows),
            "compared": sum(window.compared for window in windows),
            "differing": sum(window.differing for window in windows),
        }

    def _aim(self, receivers: int) -> None:
        if receivers > self._ears:
            port = self._floor.ask("port")["port"]
            ports = self._assembly.crowd.ask("ears", port=port, count=receivers - self._ears)["ports"]
            self._floor.ask("aim", ports=ports)
            self._ears = receivers

    def _floor_window(self, shape: Shape, frames: float) -> float:
        """Raises ``FloorIncomplete`` when the sockets did not get all: the figures could not be compared."""
        crowd = self._assembly.crowd
        crowd.ask("focus", group="floor")
        before = crowd.ask("counts", group="floor")["media"]
        ran = self._floor.ask("run", seconds=self._seconds, shape=shape, frames=frames)
        time.sleep(0.1)
        arrived = crowd.ask("counts", group="floor")["media"] - before
        if arrived < WHOLE * ran["sent"] or ran["unsent"]:
            raise FloorIncomplete(f"{arrived} of {ran['sent']} arrived, {ran['unsent']} were not sent")
        return ran["us_per_packet"]


class FloorIncomplete(Exception):
    """The kernel's floor could not be measured."""
