"""One run of a case, and what is reported of it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.networks import figures, film
from bench.networks.samples import Sample
from bench.networks.table import Case, Side
from tests.net.measure import Reading

GRACE = 5.0
"""Seconds after the first picture in which a freeze is not held against the relay."""


@dataclass(frozen=True)
class Run:
    """Moments in ms since 1970. ``measured``: the line, towards the receiver. ``failure``: why nobody could join."""

    case: Case
    side: Side
    measured: Reading
    clicked: float = 0.0
    changed: tuple[float, ...] = ()
    end: float = 0.0
    received: Sequence[Sample] = ()
    sent: Sequence[Sample] = ()
    failure: str = ""

    def report(self) -> dict[str, Any]:
        """The figures by name, units in the names; ``None`` where there is nothing to measure."""
        first = figures.first_picture(self.received, self.clicked)
        if first is None:
            why = self.failure or "no picture came"
            return {**self._line(), "reached": False, "missed": why, **dict.fromkeys(FIGURES), "over_time": []}
        found = self._figures(first)
        return {**self._line(), "reached": True, "missed": missed(self.case, found), **found}

    def _line(self) -> dict[str, Any]:
        reading = self.measured
        return {
            "case": self.case.name,
            "at": self.side,
            "line_kbps": reading.rate and round(reading.rate / 1000),
            "line_loss_pct": round(100 * reading.loss, 1),
            "line_delay_ms": reading.delay_ms and round(reading.delay_ms, 1),
        }

    def _figures(self, first: float) -> dict[str, Any]:
        taken = [sample for sample in self.received if sample.at >= first]
        frozen = figures.freezes(taken, self.end)
        height = figures.usual_height(taken, self.end - (self.end - first) / 3, self.end)
        late = [figures.Span(max(span.begin, first + 1000 * GRACE), span.end) for span in frozen]
        delays = figures.delays(taken, self.sent, rate=film.RATE, frames=film.FRAMES)
        trips = [sample.trip for sample in taken if sample.trip is not None]
        sound = figures.concealed(taken)
        return {
            "way": next((sample.way for sample in reversed(taken) if sample.way), None),
            "first_frame_s": _after(self.clicked, first),
            "freezes": len(frozen),
            "frozen_s": round(sum(span.seconds for span in frozen), 2),
            "longest_s": round(max((span.seconds for span in frozen), default=0.0), 2),
            "longest_late_s": round(max((span.seconds for span in late if span.seconds > 0), default=0.0), 2),
            "empty_s": round(figures.empty(taken, self.end), 2),
            "height": height,
            "height_after_s": _after(self.clicked, figures.held_from(taken, height, self.clicked)),
            "back_after_s": self._back(taken),
            "kbps": round(figures.bitrate(taken) / 1000),
            "concealed_pct": None if sound is None else round(100 * sound, 2),
            "delay_ms": _ms(statistics.median(delays)) if delays else None,
            "delay_p95_ms": _ms(sorted(delays)[round(0.95 * (len(delays) - 1))]) if delays else None,
            "rtt_ms": _ms(statistics.median(trips)) if trips else None,
            "nacks": figures.counted(taken, "nack_count"),
            "plis": figures.counted(taken, "pli_count"),
            "over_time": figures.over_time(taken, self.clicked),
        }

    def _back(self, taken: Sequence[Sample]) -> float | None:
        """Seconds from the last change until what was seen in the five seconds before the first one is seen again."""
        if not self.changed:
            return None
        before = figures.usual_height(taken, self.changed[0] - 5000, self.changed[0])
        return _after(self.changed[-1], figures.held_from(taken, before, self.changed[-1])) if before else None


FIGURES = (
    "way",
    "first_frame_s",
    "freezes",
    "frozen_s",
    "longest_s",
    "longest_late_s",
    "empty_s",
    "height",
    "height_after_s",
    "back_after_s",
    "kbps",
    "concealed_pct",
    "delay_ms",
    "delay_p95_ms",
    "rtt_ms",
    "nacks",
    "plis",
)


def missed(case: Case, found: Mapping[str, Any]) -> str:
    """The figures that are larger than the case allows, or missing, separated by commas."""
    over = [name for name, most in case.at_most.items() if found[name] is None or found[name] > most]
    return ", ".join(over)


def _after(begin: float, moment: float | None) -> float | None:
    return None if moment is None else round((moment - begin) / 1000, 2)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
