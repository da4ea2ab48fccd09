"""Ten meetings of ten sites, everybody with camera (three layers by rid) and microphone: the case ``meetings-10x10``.

A sender of three layers sends about 175 video and 50 audio packets a second; what each site is sent of them is the
relay's choice. So nothing can be expected but that the numbers of each stream have no gaps.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.assembly import NotFlowing, relays
from bench.load.picture import FRAMES
from bench.load.process import LoadProcess
from bench.machine import cpu_seconds, port_drops
from bench.office import Office, Seat
from bench.product import Product

MEETINGS, SITES = 10, 10
LAYERS = 3
FLOWING = 30.0
CLIMB = 20.0
"""Seconds in which estimates grow and layers rise, before anything is measured."""


def case(*, rounds: int, seconds: float) -> dict[str, Any]:
    """Medians over the rounds. Raises ``NotFlowing``."""
    folder = Path(tempfile.mkdtemp(prefix="nghisu-bench-"))
    load, floor, product = LoadProcess(), LoadProcess(module="bench.floor"), Product(folder)
    try:
        ports = _join(product, load, folder)
        load.ask("send", shape="chromium", frames=FRAMES)
        listening = MEETINGS * (SITES - 1)
        flowing = load.ask("flowing", group="relay", count=listening, seconds=FLOWING)["flowing"]
        if flowing < listening:
            raise NotFlowing(f"media reached {flowing} of {listening} sites that are not alone on the stage")
        floor.ask("aim", ports=load.ask("ears", port=floor.ask("port")["port"], count=SITES)["ports"])
        time.sleep(CLIMB)
        return _measured(load, floor, relays(product, ports), rounds, seconds) | {"relay_dropped": port_drops(*ports)}
    finally:
        load.stop()
        floor.stop()
        product.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _join(product: Product, load: LoadProcess, folder: Path) -> set[int]:
    """Everybody comes in. Returns the ports of the relays that carry the meetings."""
    product.wait_ready()
    assert product.first_link is not None
    office = Office.found(product.url, product.first_link)
    joined: dict[str, Any] = {"relay_ports": []}
    for meeting in range(MEETINGS):
        seats = tuple(
            Seat(f"Điểm cầu {meeting}.{site}", f"Đại biểu {site}", "delegate" if site else "chair")
            for site in range(SITES)
        )
        office.convene_many(seats, folder / "outbox")
        wishes = [
            {"ticket": office.tickets[seat].rpartition("/")[2], "layers": LAYERS, "level": 20 + place}
            for place, seat in enumerate(seats)
        ]
        joined = load.ask("join", url=product.url, seats=wishes, at_once=5)
    return set(joined["relay_ports"])


def _measured(load: LoadProcess, floor: LoadProcess, pids: list[int], rounds: int, seconds: float) -> dict[str, Any]:
    load.ask("sample", every=1000)
    begin, began = load.ask("counts", group="relay"), time.monotonic()
    own: list[float] = []
    floors: list[float] = []
    arrived = 0
    counts = begin
    for _ in range(rounds):
        before, used = load.ask("counts", group="relay"), sum(cpu_seconds(pid) for pid in pids)
        time.sleep(seconds)
        counts, used = load.ask("counts", group="relay"), sum(cpu_seconds(pid) for pid in pids) - used
        arrived += counts["media"] - before["media"]
        own.append(used / max(1, counts["media"] - before["media"]) * 1e6)
        floors.append(floor.ask("run", seconds=seconds / 2, shape="chromium", frames=FRAMES)["us_per_packet"])
    lost, floor_us = counts["lost"] - begin["lost"], statistics.median(floors)
    whole = counts["media"] - begin["media"]
    return {
        "case": f"meetings-{MEETINGS}x{SITES}",
        "receivers": MEETINGS * SITES,
        "us_per_packet": round(statistics.median(own), 2),
        "floor_us": round(floor_us, 2),
        "janus_us": None,
        "delivered": round(whole / (whole + max(0, lost)), 5),
        "times_floor": round(statistics.median(own) / floor_us, 2),
        "janus_delivered": None,
        "packets_per_s": round(arrived / rounds / seconds),
        "relay_dropped": 0,
        "load_cpu": round((counts["cpu"] - begin["cpu"]) / (time.monotonic() - began), 2),
        "load_dropped": counts["dropped"] - begin["dropped"],
        "compared": counts["compared"],
        "differing": counts["differing"] + counts["refused"],
    }
