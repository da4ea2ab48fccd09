"""A meeting with one site that sends and hundreds that receive: the product, its tickets, and the load processes."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load.picture import FRAMES, Shape
from bench.load.process import LoadProcess
from bench.machine import cpu_seconds, port_drops
from bench.office import CHAIR, Office, Seat
from bench.product import Product

FLOWING = 60.0
"""Seconds until which media must flow."""

STILL, LOOKS = 0.1, 3
"""Seconds between two looks at what has arrived, and after how many looks in a row without news a window is over: on a
machine that stood still itself a single one says nothing."""

WARM = 0.4
"""Seconds of media before a window, so that a picture which has rested is shown again."""


class NotFlowing(Exception):
    """Media did not reach everybody in time."""


@dataclass(frozen=True)
class Window:
    """What one measuring window showed. ``expected``: packets sent, times receivers. ``used``: CPU seconds.

    ``dropped``: by the receivers' full sockets, which is the load client's fault; ``refused``: by the relay's.
    """

    arrived: int
    expected: int
    used: float
    octets: int
    dropped: int
    refused: int
    compared: int
    differing: int
    transit_ms: list[float]
    """Median, 99th percentile and longest."""
    feedbacks: int
    load_cpu: float
    """The share of one core that the receivers' process used."""

    @property
    def us_per_packet(self) -> float:
        return self.used / self.arrived * 1e6 if self.arrived else float("inf")


class Assembly:
    """``stage`` is the process of the site that sends, ``crowd`` that of the receivers. A context manager."""

    def __init__(self, receivers: int, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nghisu-bench-"))
        self.seated = 0
        self.stage, self.crowd = LoadProcess(), LoadProcess()
        self.product = Product(self.folder, **settings)
        seats = tuple(Seat(f"UBND xã số {n}", f"Đại biểu {n}", "observer") for n in range(receivers))
        try:
            self.product.wait_ready()
            assert self.product.first_link is not None
            self.office = Office.found(self.product.url, self.product.first_link)
            self.office.convene_many((CHAIR, *seats), self.folder / "outbox")
            self._tickets = [self.ticket(seat) for seat in seats]
            self.server = self.product.child("serve")
            self.ports = set[int]()
            self._came(self.stage, [{"ticket": self.ticket(CHAIR), "layers": 1}], at_once=1)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Assembly:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ticket(self, seat: Seat) -> str:
        return self.office.tickets[seat].rpartition("/")[2]

    def seats(self, count: int) -> list[dict[str, Any]]:
        """Seats of receivers that have not come yet."""
        return [{"ticket": ticket} for ticket in self._tickets[self.seated : self.seated + count]]

    def relays(self) -> list[int]:
        """The process ids of the relays that carry the meeting."""
        return relays(self.product, self.ports)

    def relay_cpu(self) -> float:
        """CPU seconds that they have used."""
        return sum(cpu_seconds(pid) for pid in self.relays())

    def join(self, seats: list[dict[str, Any]], *, at_once: int, every: float = 0.0) -> dict[str, Any]:
        """Receivers come in. Returns how that went."""
        self.seated += len(seats)
        return self._came(self.crowd, seats, at_once=at_once, every=every)

    def _came(self, process: LoadProcess, seats: list[dict[str, Any]], **how: Any) -> dict[str, Any]:
        joined = process.ask("join", url=self.product.url, seats=seats, **how)
        self.ports |= set(joined["relay_ports"])
        return joined

    def fill(self, receivers: int, *, at_once: int = 10) -> None:
        """Lets receivers in until so many sit there and media has reached them all. Nothing is sent before.

        Raises ``NotFlowing``.
        """
        if receivers <= self.seated:
            return
        self.stage.ask("hush")
        self.join(self.seats(receivers - self.seated), at_once=at_once)
        self.stage.ask("send", shape="chromium", frames=FRAMES)
        flowing = self.crowd.ask("flowing", group="relay", count=receivers, seconds=FLOWING)["flowing"]
        self.stage.ask("hush")
        if flowing < receivers:
            raise NotFlowing(f"media reached {flowing} of {receivers} receivers")

    @contextmanager
    def newcomers(self, count: int, *, every: float) -> Generator[dict[str, Any]]:
        """Others come in from a process of their own, one ``every`` so many seconds; they are not counted.

        What is yielded tells at the end of the block how that went.
        """
        process, joined = LoadProcess(), dict[str, Any]()
        seats = self.seats(count)
        try:
            process.begin("join", url=self.product.url, seats=seats, at_once=count, every=every)
            yield joined
            joined |= process.finish()
        finally:
            process.stop()

    def settle(self) -> dict[str, Any]:
        """Waits until nothing arrives any more. Returns what the receivers have counted."""
        *_, counts = self._news()
        return counts

    def window(
        self, seconds: float, shape: Shape = "chromium", frames: float = FRAMES, *, opened: int = 1000
    ) -> Window:
        """Sends for so long and counts what arrives until nothing more comes.

        The sender pauses before and after, so that what was sent and what arrived can be compared one by one; the
        relay's CPU counts until the last packet is there. One packet in ``opened`` is opened and compared.
        """
        self.crowd.ask("focus", group="relay")
        self.stage.ask("send", shape=shape, frames=frames)
        time.sleep(WARM)
        sent = self.stage.ask("hush")
        self.settle()
        self.crowd.ask("sample", every=opened)
        before, refused, cpu = self.crowd.ask("counts", group="relay"), self._refused(), self.relay_cpu()
        self.stage.ask("send", shape=shape, frames=frames)
        time.sleep(seconds)
        sent_after = self.stage.ask("hush")
        used, after = self._until_still(cpu)
        return Window(
            arrived=after["media"] - before["media"],
            expected=self.seated * sum(sent_after[kind] - sent[kind] for kind in ("video", "audio")),
            used=used,
            octets=after["octets"] - before["octets"],
            dropped=after["dropped"] - before["dropped"],
            refused=self._refused() - refused,
            compared=after["compared"],
            differing=after["differing"] + after["refused"],
            transit_ms=after["transit_ms"] or [0.0, 0.0, 0.0],
            feedbacks=after["feedbacks"] - before["feedbacks"],
            load_cpu=(after["cpu"] - before["cpu"]) / seconds,
        )

    def close(self) -> None:
        self.stage.stop()
        self.crowd.stop()
        self.product.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _until_still(self, before: float) -> tuple[float, dict[str, Any]]:
        """CPU seconds until no later than ``STILL`` after the last packet, and what the receivers have counted."""
        *_, last = ((self.relay_cpu() - before, counts) for counts in self._news())
        return last

    def _news(self) -> Iterator[dict[str, Any]]:
        """What the receivers have counted: now, and after each look that found more; ends when nothing arrives."""
        counts, still = self.crowd.ask("counts", group="relay"), 0
        yield counts
        for _ in range(200):
            time.sleep(STILL)
            before, counts = counts, self.crowd.ask("counts", group="relay")
            still = still + 1 if counts["media"] == before["media"] else 0
            if still == LOOKS:
                return
            if not still:
                yield counts

    def _refused(self) -> int:
        return port_drops(*self.ports)


def relays(product: Product, ports: set[int]) -> list[int]:
    """The process ids of the relays that listen on these media ports."""
    numbers = {str(port - product.port - 1000).encode() for port in ports}
    found: list[int] = []
    for pid in product.children():
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"relay" in arguments and arguments[arguments.index(b"--number") + 1] in numbers:
            found.append(pid)
    return found
