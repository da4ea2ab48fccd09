"""From samples to figures: freezes, layers, sound, delay. Pure; moments in ms since 1970, durations in seconds."""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.networks.samples import Sample, Slot, steps

STAGE, SOUND = "stage-video", ("stage-audio", "audio-1", "audio-2")
STALL = 1000.0
"""A picture that stands for this long is frozen, whatever the browser counted."""
HOLD = 2000.0
"""A layer is reached when it is held this long."""
SLACK = 0.2
"""Seconds by which sender and receiver may be read apart."""


@dataclass(frozen=True)
class Span:
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return (self.end - self.begin) / 1000


def freezes(taken: Sequence[Sample], end: float) -> list[Span]:
    """When the stage stood still although it had a source, in order, none touching another.

    A freeze is what the browser counted as one, or a second without a new frame; the last may last until ``end``.
    ``taken`` begins when the picture is first seen.
    """
    found: list[Span] = []
    grew = taken[0].at if taken else end
    old: Slot | None = None
    for before, sample in pairwise(taken):
        if STAGE in before.slots:
            old = before.slots[STAGE]
        new = sample.slots.get(STAGE)
        if old is None or new is None:
            continue
        if new.freeze_count > old.freeze_count:
            found.append(Span(sample.at - 1000 * steps(old, new, "total_freezes_duration"), sample.at))
        if steps(old, new, "frames_decoded"):
            if before.at - grew >= STALL:
                found.append(Span(grew, before.at))
            grew = sample.at
    if end - grew >= STALL:
        found.append(Span(grew, end))
    return _without(_merged(found), _sourceless(taken, end))


def empty(taken: Sequence[Sample], end: float) -> float:
    """For how many seconds the page was told that the stage has no source."""
    return sum(span.seconds for span in _sourceless(taken, end))


def first_picture(taken: Sequence[Sample], begin: float) -> float | None:
    """When the stage's picture first moved after ``begin``, to a quarter of a second; ``None``: never."""
    before: Slot | None = None
    for at, slot in _stage(taken):
        moved = steps(before, slot, "frames_decoded") if before else slot.frames_decoded
        if at > begin and moved:
            return at
        before = slot
    return None


def held_from(taken: Sequence[Sample], height: int, begin: float) -> float | None:
    """When, after ``begin``, at least ``height`` began to be shown, moving, for ``HOLD``; ``None``: never."""
    since: float | None = None
    grew: float | None = None
    for (_, old), (at, new) in pairwise(_stage(taken)):
        if at < begin:
            continue
        if steps(old, new, "frames_decoded"):
            grew = at
        moving = grew is not None and at - grew < STALL
        if not moving or new.frame_height < height:
            since = None
        elif since is None:
            since = at
        elif at - since >= HOLD:
            return since
    return None


def usual_height(taken: Sequence[Sample], begin: float, end: float) -> int:
    """The median height of the stage's picture between two moments; 0 when there was none."""
    heights = [slot.frame_height for at, slot in _stage(taken) if begin <= at <= end]
    return round(statistics.median_low(heights)) if heights else 0


def concealed(taken: Sequence[Sample]) -> float | None:
    """The share of the stage's sound that was made up, silence not counted; ``None``: no sound."""
    made_up = total = 0.0
    for (_, old), (_, new) in pairwise(_slot(taken, SOUND[0])):
        if old.site and new.site:
            made_up += steps(old, new, "concealed_samples") - steps(old, new, "silent_concealed_samples")
            total += steps(old, new, "total_samples_received")
    return max(0.0, made_up) / total if total else None


def bitrate(taken: Sequence[Sample]) -> float:
    """Bits per second that came for the stage and all sounds."""
    if len(taken) < 2:
        return 0.0
    received = sum(
        steps(old, new, "bytes_received")
        for name in (STAGE, *SOUND)
        for (_, old), (_, new) in pairwise(_slot(taken, name))
    )
    return received * 8000 / (taken[-1].at - taken[0].at)


def counted(taken: Sequence[Sample], name: str) -> int:
    """How far a counter of the stage's picture went."""
    return round(sum(steps(old, new, name) for (_, old), (_, new) in pairwise(_stage(taken))))


def delays(received: Sequence[Sample], sent: Sequence[Sample], *, rate: float, frames: int) -> list[float]:
    """From the sender's own picture to the receiver's stage, in seconds, where both could be read and the stage moved.

    The film of ``frames`` numbers runs at ``rate`` a second: longer delays than one loop read as short ones.
    """
    own = [(sample.at, sample.own) for sample in sent if sample.own is not None]
    moments = [at for at, _ in own]
    loop = frames / rate
    found: list[float] = []
    fresh = {at for (_, old), (at, new) in pairwise(_stage(received)) if steps(old, new, "frames_decoded")}
    for sample in received:
        place = bisect.bisect_right(moments, sample.at) - 1
        if sample.at not in fresh or sample.number is None or place < 0 or sample.at - moments[place] > 1000:
            continue
        at, number = own[place]
        late = (sample.at - at) / 1000 + (number - sample.number) / rate
        found.append((late + SLACK) % loop - SLACK)
    return found


def over_time(taken: Sequence[Sample], begin: float) -> list[tuple[int, int, int, int]]:
    """Every second from ``begin``: second, height, frames decoded, kbit/s of the stage's picture."""
    seconds: dict[int, list[float]] = {}
    for (_, old), (at, new) in pairwise(_stage(taken)):
        row = seconds.setdefault(int((at - begin) // 1000), [0, 0, 0])
        row[0] = new.frame_height
        row[1] += steps(old, new, "frames_decoded")
        row[2] += steps(old, new, "bytes_received") * 8 / 1000
    return [(second, *map(round, row)) for second, row in sorted(seconds.items()) if second >= 0]  # type: ignore[misc]


def _stage(taken: Sequence[Sample]) -> list[tuple[float, Slot]]:
    return _slot(taken, STAGE)


def _slot(taken: Sequence[Sample], name: str) -> list[tuple[float, Slot]]:
    return [(sample.at, sample.slots[name]) for sample in taken if name in sample.slots]


def _sourceless(taken: Sequence[Sample], end: float) -> list[Span]:
    stage = _stage(taken)
    moments = [*(at for at, _ in stage), end]
    return [Span(at, moments[n + 1]) for n, (at, slot) in enumerate(stage) if not slot.site]


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda each: each.begin):
        if merged and span.begin <= merged[-1].end:
            merged[-1] = Span(merged[-1].begin, max(span.end, merged[-1].end))
        else:
            merged.append(span)
    return merged


def _without(spans: list[Span], holes: list[Span]) -> list[Span]:
    return [part for span in spans for part in _cut(span, holes)]


def _cut(span: Span, holes: list[Span]) -> Iterator[Span]:
    begin = span.begin
    for hole in holes:
        if hole.end <= begin or hole.begin >= span.end:
            continue
        if hole.begin > begin:
            yield Span(begin, hole.begin)
        begin = max(begin, hole.end)
    if begin < span.end:
        yield Span(begin, span.end)
