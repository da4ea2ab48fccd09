"""UTC → media time, by the pairs of the journal alone (ADR 0005). Pure.

Between two pairs time runs straight, so the drift of the clock does no harm. Where UTC jumped, the pairs on both sides
still say what time it was; after a jump back one UTC time names two moments, and the order of the log decides.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from recordings.journal import Pair

STEADY = 500_000
"""Two pairs between which UTC and media time differ by more than this, in microseconds, have a jump between them."""
SLACK = 50.0
"""Events are taken for simultaneous within so many milliseconds, when the order of the log is applied."""


@dataclass(frozen=True)
class _Run:
    """Pairs without a jump. ``before`` and ``after``: how far it reaches beyond, in microseconds of UTC."""

    pairs: list[Pair]
    before: int
    after: int

    @property
    def first(self) -> Pair:
        return self.pairs[0]

    @property
    def last(self) -> Pair:
        return self.pairs[-1]

    def media_at(self, utc: int) -> float:
        """Milliseconds; beyond the ends at the pace of the wall clock."""
        if utc <= self.first.utc_us:
            return self.first.media + (utc - self.first.utc_us) / 1000
        if utc >= self.last.utc_us:
            return self.last.media + (utc - self.last.utc_us) / 1000
        index = bisect_right(self.pairs, utc, key=lambda pair: pair.utc_us)
        earlier, later = self.pairs[index - 1], self.pairs[index]
        share = (utc - earlier.utc_us) / (later.utc_us - earlier.utc_us)
        return earlier.media + share * (later.media - earlier.media)


class MediaClock:
    """Where moments lie in a recording."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        ordered = sorted(pairs, key=lambda pair: pair.media)
        groups: list[list[Pair]] = [[pair] for pair in ordered[:1]]
        jumps = [0]
        for earlier, later in pairwise(ordered):
            utc, media = later.utc_us - earlier.utc_us, (later.media - earlier.media) * 1000
            if utc >= 0 and abs(utc - media) <= STEADY:
                groups[-1].append(later)
            else:
                groups.append([later])
                jumps.append(media)
        self._runs = [_Run(*run) for run in zip(groups, jumps, [*jumps[1:], 0], strict=False)]

    def media(self, utc_us: int, not_before: float = 0.0) -> float | None:
        """Media time in milliseconds, the first that is not before ``not_before``; ``None`` without any pair.

        Negative before the recording began.
        """
        for run in self._runs:
            if run.first.utc_us - run.before <= utc_us <= run.last.utc_us + run.after:
                found = run.media_at(utc_us)
                if found >= not_before - SLACK:
                    return found
        return self._outside(utc_us)

    def _outside(self, utc_us: int) -> float | None:
        """Before the first pair, after the last, or in a stretch of UTC that a jump left out: the nearest pair."""
        if not self._runs:
            return None
        if utc_us < self._runs[0].first.utc_us:
            return self._runs[0].media_at(utc_us)
        if utc_us > self._runs[-1].last.utc_us:
            return self._runs[-1].media_at(utc_us)
        ends = [end for run in self._runs for end in (run.first, run.last)]
        return float(min(ends, key=lambda end: abs(end.utc_us - utc_us)).media)
