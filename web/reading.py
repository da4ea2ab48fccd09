"""What is known of this installation at one moment: the numbers behind ``/metrics`` and the page *Hệ thống*."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from media.messages import RelayMetrics
from web.deps import Deps


@dataclass(frozen=True)
class RelayReading:
    """``relay``: its number, told apart where two machines have the same. ``load``: share of one core.
    ``metrics``: ``None`` when it did not answer."""

    relay: str
    load: float
    metrics: RelayMetrics | None


@dataclass(frozen=True)
class Reading:
    """``rooms``: meetings, seats, sockets and recordings. ``jobs``: durable jobs by state."""

    relays: Sequence[RelayReading]
    rooms: Mapping[str, int]
    recorder: bool
    jobs: Mapping[str, int]


def labels(told: Sequence[tuple[int, str]]) -> list[str]:
    """What relays are called, by number and id: the number, with the id where several have the same. Pure."""
    often = Counter(number for number, _ in told)
    return [str(number) if often[number] == 1 else f"{number}-{id}" for number, id in told]


async def read(the: Deps) -> Reading:
    """Asks the relays and the jobs, all at once."""
    told, jobs = await asyncio.gather(the.relays.metrics(), the.jobs.counts())
    names = labels([(link.number, link.id) for link, _ in told])
    return Reading(
        relays=[RelayReading(name, link.cpu, numbers) for name, (link, numbers) in zip(names, told, strict=True)],
        rooms=the.rooms.totals(),
        recorder=bool(the.rooms.processes()["recorder"]),
        jobs=jobs,
    )
