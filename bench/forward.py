"""CPU of forwarding one packet to one receiver: the relay, the kernel's floor and Janus, turn by turn in one run.

What is sent: a stage at 25 frames a second, each of 4 back-to-back packets as Chromium's packetiser cuts them, and 50
Opus packets a second. Packets of other shapes (single, equal, evenly spaced, ragged) are cases of their own.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench import janus, meetings
from bench.assembly import STILL, WARM, Assembly, Window
from bench.load.picture import FRAMES, SHAPES, Shape
from bench.load.process import LoadProcess
from bench.machine import cpu_seconds

RECEIVERS = (10, 50, 200, 500)
SHAPED = 50
"""Receivers of the cases with other shapes."""

ROUNDS, SECONDS = 6, 4.0
QUICK_SECONDS = 1.5
WHOLE = 0.999
LEAST_FRAMES = 5


MEETINGS = "meetings-10x10"


def names() -> list[str]:
    """Every case, in the order of a whole run."""
    stages = [
        [f"stage-{count}", *(f"{shape}-{count}" for shape in SHAPES[1:] if count == SHAPED)] for count in RECEIVERS
    ]
    return [*(name for stage in stages for name in stage), MEETINGS]


def cases(*, quick: bool, only: str | None = None) -> Iterator[dict[str, Any]]:
    """One case for each number of receivers; unless quick also the shapes and the ten meetings."""
    wanted = [only] if only else [name for name in names() if not quick or name.startswith("stage-")]
    rounds, seconds = (1, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    stages = [name for name in wanted if name != MEETINGS]
    if stages:
        with Assembly(max(_receivers(name) for name in stages)) as assembly:
            other = JanusStage(assembly.crowd) if not quick and janus.installed() else None
            bench = Forward(assembly, rounds=rounds, seconds=seconds, janus=other)
            try:
                for name in stages:
                    assembly.fill(_receivers(name))
                    yield bench.case(name, _shape(name))
            finally:
                bench.close()
    if MEETINGS in wanted:
        yield meetings.case(rounds=rounds, seconds=seconds)


def _receivers(name: str) -> int:
    return int(name.rpartition("-")[2])


def _shape(name: str) -> Shape:
    for shape in SHAPES:
        if name.startswith(shape):
            return shape
    return "chromium"


class Forward:
    def __init__(self, assembly: Assembly, *, rounds: int, seconds: float, janus: JanusStage | None) -> None:
        self._assembly, self._rounds, self._seconds, self._janus = assembly, rounds, seconds, janus
        self._floor = LoadProcess(module="bench.floor")
        self._ears = 0

    def close(self) -> None:
        self._floor.stop()
        if self._janus is not None:
            self._janus.close()

    def case(self, name: str, shape: Shape) -> dict[str, Any]:
        """Medians over the rounds; ``delivered`` over all of them."""
        receivers, frames = self._assembly.seated, float(FRAMES)
        self._aim(receivers)
        windows: list[Window] = []
        floors: list[float] = []
        others: list[JanusWindow] = []
        while len(windows) < self._rounds:
            window = self._assembly.window(self._seconds, shape, frames)
            if window.dropped and window.arrived < WHOLE * window.expected and frames > LEAST_FRAMES:
                frames /= 2
                windows, floors, others = [], [], []
                print(
                    f"{receivers} receivers: the load client dropped {window.dropped} packets; {frames:g} frames/s",
                    file=sys.stderr,
                )
                continue
            windows.append(window)
            floors.append(self._floor_window(shape, frames))
            if self._janus is not None:
                others.append(self._janus.window(receivers, self._seconds, shape, frames))
        own, floor = statistics.median(window.us_per_packet for window in windows), statistics.median(floors)
        return {
            "case": name,
            "receivers": receivers,
            "us_per_packet": round(own, 2),
            "floor_us": round(floor, 2),
            "janus_us": round(statistics.median(window.us_per_packet for window in others), 2) if others else None,
            "delivered": round(sum(w.arrived for w in windows) / sum(w.expected for w in windows), 5),
            "times_floor": round(own / floor, 2),
            "janus_delivered": round(statistics.mean(window.delivered for window in others), 5) if others else None,
            "packets_per_s": round(sum(w.arrived for w in windows) / len(windows) / self._seconds),
            "relay_dropped": sum(window.refused for window in windows),
            "load_cpu": round(statistics.mean(window.load_cpu for window in windows), 2),
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


@dataclass(frozen=True)
class JanusWindow:
    us_per_packet: float
    delivered: float


class JanusStage:
    """Janus, who feeds it, and as many viewers in the process of the receivers as the relay has."""

    def __init__(self, crowd: LoadProcess) -> None:
        self._crowd, self._viewers = crowd, 0
        self._janus, self._feed = janus.Janus(), LoadProcess()
        self._feed.ask("feed", audio=self._janus.audio, video=self._janus.video)

    def close(self) -> None:
        self._feed.stop()
        self._janus.stop()

    def window(self, viewers: int, seconds: float, shape: Shape, frames: float) -> JanusWindow:
        """As the relay's own: the sender pauses before and after."""
        self._crowd.ask("focus", group="janus")
        if viewers > self._viewers:
            facts = {"mountpoint": janus.MOUNTPOINT, "count": viewers - self._viewers}
            self._crowd.ask("watch", url=self._janus.url, **facts)
            self._viewers = viewers
            self._feed.ask("send", shape=shape, frames=frames)
            time.sleep(WARM)
            self._feed.ask("hush")
            time.sleep(WARM)
        sent, before = self._feed.ask("sent"), self._crowd.ask("counts", group="janus")
        used = cpu_seconds(self._janus.pid)
        self._feed.ask("send", shape=shape, frames=frames)
        time.sleep(seconds)
        after, counts = self._feed.ask("hush"), before
        for _ in range(100):
            used_now = cpu_seconds(self._janus.pid)
            time.sleep(STILL)
            last, counts = counts, self._crowd.ask("counts", group="janus")
            if counts["media"] == last["media"]:
                break
        else:
            used_now = cpu_seconds(self._janus.pid)
        arrived = counts["media"] - before["media"]
        expected = viewers * sum(after[kind] - sent[kind] for kind in ("video", "audio"))
        return JanusWindow((used_now - used) / max(1, arrived) * 1e6, arrived / expected)


class FloorIncomplete(Exception):
    """The kernel's floor could not be measured."""
