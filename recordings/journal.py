"""The journal of a recording: JSON lines, appended and fsynced, that outlive any kill.

Its pairs (UTC, media time) are the only bridge between the event log, whose times are UTC, and the film (ADR 0005).
A last line that a kill tore is ignored.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from recordings.messages import Source

NAME = "journal.jsonl"
Cause = Literal["recorder", "relay", "disk"]


class Line(Struct, frozen=True, tag_field="kind", tag=str.lower):
    """Media times are milliseconds, UTC times microseconds since 1970."""


class Begun(Line, frozen=True):
    """Media time zero is ``zero_us`` of the monotonic clock of this ``boot``. Written again after each return."""

    meeting: str
    recording: str
    boot: str
    zero_us: int


class Pair(Line, frozen=True):
    utc_us: int
    media: int


class Opened(Line, frozen=True):
    """A file begins. Its first frame is at ``media``."""

    file: str
    track: str
    site: str
    source: Source
    mime_type: str
    media: int


class Closed(Line, frozen=True):
    """A file was closed. ``torn``: the sender went on, so what follows until the track's next file is missing.

    A file that never was closed was torn by a kill, and ends with its last whole frame.
    """

    file: str
    media: int
    torn: Cause | None = None


class Missing(Line, frozen=True):
    number: int
    track: str
    media: int
    length: int
    cause: Cause


class Told(Line, frozen=True):
    """The server knows of the gap ``number``."""

    number: int


class Stopped(Line, frozen=True):
    media: int


AnyLine = Begun | Pair | Opened | Closed | Missing | Told | Stopped

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyLine)


def encode(lines: Iterable[AnyLine]) -> bytes:
    return b"".join(_encoder.encode(line) + b"\n" for line in lines)


def append(path: Path, data: bytes) -> None:
    """Adds whole lines and waits for the disk. A torn line before them is ended first."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            data = b"\n" + data
        os.write(file, data)
        os.fsync(file)
    finally:
        os.close(file)


@dataclass(frozen=True)
class Journal:
    """A journal as read back."""

    begun: Begun
    pairs: tuple[Pair, ...]
    files: tuple[Opened, ...]
    closed: dict[str, Closed]
    gaps: tuple[Missing, ...]
    untold: tuple[Missing, ...]
    stopped: int | None

    @property
    def length(self) -> int:
        """Media time at the stop, or the last that is known, in milliseconds."""
        return self.stopped if self.stopped is not None else max((pair.media for pair in self.pairs), default=0)


@dataclass
class _Reading:
    begun: Begun | None = None
    pairs: list[Pair] = field(default_factory=list[Pair])
    files: list[Opened] = field(default_factory=list[Opened])
    closed: dict[str, Closed] = field(default_factory=dict[str, Closed])
    gaps: list[Missing] = field(default_factory=list[Missing])
    told: set[int] = field(default_factory=set[int])
    stopped: int | None = None

    def take(self, line: AnyLine) -> None:
        match line:
            case Begun():
                self.begun = line
            case Pair():
                self.pairs.append(line)
            case Opened():
                self.files.append(line)
            case Closed():
                self.closed[line.file] = line
            case Missing():
                self.gaps.append(line)
            case Told():
                self.told.add(line.number)
            case Stopped():
                self.stopped = line.media


def read(data: bytes) -> Journal | None:
    """``None`` when the journal never began."""
    reading = _Reading()
    for line in data.splitlines():
        try:
            reading.take(_decoder.decode(line))
        except msgspec.DecodeError:
            continue
    if reading.begun is None:
        return None
    return Journal(
        reading.begun,
        tuple(reading.pairs),
        tuple(reading.files),
        reading.closed,
        tuple(reading.gaps),
        tuple(gap for gap in reading.gaps if gap.number not in reading.told),
        reading.stopped,
    )


def load(folder: Path) -> Journal | None:
    """The journal of a recording's folder. Reads the disk."""
    try:
        return read((folder / NAME).read_bytes())
    except FileNotFoundError:
        return None
