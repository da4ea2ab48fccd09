"""The cases: whose line is poor, how, and what happens to it while the meeting goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.net.line import CLEAN, Line

MOVE = "move"
"""A change of address, in the place of another line."""
Change = tuple[float, Line | Literal["move"]]
Side = Literal["receiver", "sender"]


@dataclass(frozen=True)
class Case:
    """``line`` is there before the page is opened. ``changes``: seconds after the click, in order.
    ``seconds``: from the click to the end. ``at_most``: figures of the report that must not be larger, or missing.
    """

    name: str
    line: Line
    sides: tuple[Side, ...] = ("receiver", "sender")
    changes: tuple[Change, ...] = ()
    seconds: float = 30
    at_most: Mapping[str, float] = field(default_factory=lambda: SMOOTH)

    def __post_init__(self) -> None:
        assert all(at < self.seconds for at, _ in self.changes)


SMOOTH: Mapping[str, float] = {"longest_late_s": 1.0}
"""No freeze longer than a second after the first five."""
FAST, NARROW = Line(rate=3_000_000), Line(rate=400_000)

CASES = (
    Case("clean", CLEAN, ("receiver",), seconds=20),
    Case("250 kbit/s", Line(rate=250_000)),
    Case("500 kbit/s", Line(rate=500_000)),
    Case("1.5 Mbit/s", Line(rate=1_500_000)),
    Case("3 % loss", Line(loss=0.03), at_most={**SMOOTH, "concealed_pct": 3.0}),
    Case("10 % loss", Line(loss=0.10)),
    Case("200 ms", Line(delay_ms=100)),
    Case("drop", FAST, changes=((15, NARROW), (30, FAST)), seconds=45, at_most={**SMOOTH, "back_after_s": 8.0}),
    Case("UDP blocked", Line(blocked="udp"), ("receiver",), seconds=15, at_most={**SMOOTH, "first_frame_s": 5.0}),
    Case(
        "443/TCP only",
        Line(blocked="all but 443/tcp"),
        ("receiver",),
        seconds=15,
        at_most={**SMOOTH, "first_frame_s": 5.0},
    ),
    Case("address", CLEAN, changes=((10, MOVE),), seconds=25, at_most={"back_after_s": 3.0}),
)
QUICK = (
    Case("3 % loss", Line(loss=0.03), ("receiver",), seconds=7, at_most={**SMOOTH, "concealed_pct": 3.0}),
    Case("UDP blocked", Line(blocked="udp"), ("receiver",), seconds=5, at_most={"first_frame_s": 5.0}),
)
