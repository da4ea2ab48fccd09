"""A finished recording on the disk, as the recorder would have left it: made in a moment, of real media."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from studio import Stream, reel, tone

from recordings import journal
from recordings.depacketise import Frame, depacketiser
from recordings.journal import AnyLine, Begun, Closed, Missing, Opened, Pair, Stopped
from recordings.matroska import Layout, Writer, opus_head
from store.chain import microseconds

ZERO = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Take:
    """A site's camera and microphone from ``start`` to ``end`` seconds. ``killed``: the files were never closed."""

    site: str
    start: float
    end: float
    level: int = 120
    hertz: float = 440.0
    codec: str = "vp8"
    source: str = "camera"
    sound: bool = True
    killed: bool = False


def lay(folder: Path, takes: list[Take], seconds: float, gaps: tuple[Missing, ...] = ()) -> None:
    """Writes the recording ``folder.name`` of the meeting ``m1``, which began at ``ZERO``."""
    folder.mkdir(parents=True)
    lines: list[AnyLine] = [Begun("m1", folder.name, "boot", 0)]
    lines += [Pair(microseconds(ZERO) + s * 1_000_000, s * 1_000) for s in range(int(seconds) + 1)]
    for number, take in enumerate(takes, 1):
        lines += _write(folder, number, take, take.source, f"video/{take.codec}")
        if take.sound:
            lines += _write(folder, number, take, "microphone", "audio/opus")
    lines += [*gaps, Stopped(round(seconds * 1_000))]
    (folder / journal.NAME).write_bytes(journal.encode(lines))


def _write(folder: Path, number: int, take: Take, source: str, mime_type: str) -> list[AnyLine]:
    name = f"{take.site}.{source}.{number}.mkv"
    frames = _frames(take, mime_type)
    start = round(take.start * 1_000)
    first = frames[0]
    config = opus_head(2) if first.size is None else first.config
    writer = Writer(Layout(mime_type, config, first.size))
    data = bytearray(writer.head())
    for frame in frames:
        data += writer.block(start + frame.arrival // 1_000, frame.key, frame.data)
    opened = Opened(name, f"{take.site}.{source}", take.site, source, mime_type, start)  # pyright: ignore[reportArgumentType]
    end = round(take.end * 1_000)
    if not take.killed:
        data += writer.tail()
        for offset, patch in writer.patches(end):
            data[offset : offset + len(patch)] = patch
    (folder / name).write_bytes(data)
    return [opened] if take.killed else [opened, Closed(name, end)]


def _frames(take: Take, mime_type: str) -> list[Frame]:
    """Frames with their moments in ``arrival``; a picture's key frames four seconds apart."""
    video = mime_type.startswith("video/")
    film, sound = reel(take.codec, take.level), tone(take.hertz)
    stream, depack = Stream(mime_type, 90_000 if video else 48_000), depacketiser(mime_type)
    every = 1 / 15 if video else 0.02
    made: list[Frame] = []
    for index in range(int((take.end - take.start) / every)):
        frame = film[index % len(film)][index % len(film) == 0] if video else sound[index % len(sound)]
        for packet in stream.pack(frame, round(index * every * 1e6)):
            if kept := depack.push(packet.packet()):
                made.append(kept)
    return made
