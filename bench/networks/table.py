"""The cases: whose line is poor, how, and what happens to it while the meeting goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tests.net.line import CLEAN, Line

MOVE = "move"
"""A change of address, in the place of another line."""
Change = tuple[float, Line | Literal["move"]]
Side = Literal["receiver", "sender"]


@dataclass(frozen=True)
class Case:
    """``line`` is there before the page is opened. ``changes``: seconds after the click, in order.
    ``seconds``: from the click to the end.
    """

    name: str
    line: Line
    sides: tuple[Side, ...] = ("receiver", "sender")
    changes: tuple[Change, ...] = ()
    seconds: float = 30

    def __post_init__(self) -> None:
        assert all(at < self.seconds for at, _ in self.changes)


FAST, NARROW = Line(rate=3_000_000), Line(rate=400_000)

CASES = (
    Case("clean", CLEAN, ("receiver",), seconds=20),
    Case("250 kbit/s", Line(rate=250_000)),
    Case("500 kbit/s", Line(rate=500_000)),
    Case("1.5 Mbit/s", Line(rate=1_500_000)),
    Case("3 % loss", Line(loss=0.03)),
    Case("10 % loss", Line(loss=0.10)),
    Case("200 ms", Line(delay_ms=100)),
    Case("drop", FAST, changes=((15, NARROW), (30, FAST)), seconds=45),
    Case("UDP blocked", Line(blocked="udp"), ("receiver",), seconds=15),
    Case("443/TCP only", Line(blocked="all but 443/tcp"), ("receiver",), seconds=15),
    Case("address", CLEAN, changes=((10, MOVE),), seconds=25),
)
QUICK = (
    Case("3 % loss", Line(loss=0.03), ("receiver",), seconds=7),
    Case("UDP blocked", Line(blocked="udp"), ("receiver",), seconds=5),
)
