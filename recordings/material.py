"""What a stopped recording left on the disk: its journal, and when each file shows or sounds something."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from recordings import matroska
from recordings.journal import Journal, Missing, Opened, load
from recordings.program import Footage

SILENCE = 1_000
"""Sound without a packet for longer than this falls into two stretches, in milliseconds."""


@dataclass(frozen=True)
class Voice:
    """A stretch of a sound file, in milliseconds of media time."""

    file: str
    start: int
    end: int


@dataclass(frozen=True)
class Material:
    """``stamps``: the media time of every frame of every file, in milliseconds."""

    folder: Path
    journal: Journal
    stamps: dict[str, array[int]]
    footage: tuple[Footage, ...]
    voices: tuple[Voice, ...]

    def frame_before(self, file: str, at: int) -> int:
        """The time of the frame that is seen at ``at``: the last one before it, else the first."""
        stamps = self.stamps[file]
        return stamps[max(0, bisect_right(stamps, at) - 1)]

    def first(self, file: str) -> int:
        return self.stamps[file][0]


def survey(folder: Path) -> Material | None:
    """Reads the whole recording's time stamps, not its media. ``None`` when there is no journal."""
    journal = load(folder)
    if journal is None:
        return None
    stamps: dict[str, array[int]] = {}
    footage: list[Footage] = []
    voices: list[Voice] = []
    for opened in journal.files:
        path = folder / opened.file
        times = array("q", (block.at for block in matroska.blocks(path))) if path.exists() else array("q")
        if not times:
            continue
        stamps[opened.file] = times
        if opened.mime_type.startswith("audio/"):
            voices += _stretches(opened.file, times)
        else:
            footage += _shown(opened, times, journal.gaps)
    return Material(folder, journal, stamps, tuple(footage), tuple(voices))


def _stretches(file: str, times: array[int]) -> Iterable[Voice]:
    start = times[0]
    for earlier, later in pairwise(times):
        if later - earlier > SILENCE:
            yield Voice(file, start, earlier + 120)
            start = later
    yield Voice(file, start, times[-1] + 120)


def _shown(opened: Opened, times: array[int], gaps: Iterable[Missing]) -> Iterable[Footage]:
    """The file's picture, without the gaps that the journal noted inside it."""
    source = "screen" if opened.source == "screen" else "camera"
    start = times[0]
    end = times[-1] + (min(SILENCE, times[-1] - times[-2]) if len(times) > 1 else 67)
    for gap in gaps:
        if gap.track == opened.track and start < gap.media and gap.media + gap.length < end:
            yield Footage(opened.file, opened.site, source, start, gap.media)
            start = gap.media + gap.length
    yield Footage(opened.file, opened.site, source, start, end)
