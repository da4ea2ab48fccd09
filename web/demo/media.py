"""Tracks for the finished meeting of the demo, laid down as the recorder would have: test pictures and tones."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import av

from recordings.ffmpeg import Command, binary, run
from recordings.journal import NAME, AnyLine, Begun, Closed, Opened, Pair, Stopped, append, encode
from recordings.matroska import Layout, Writer, opus_head
from recordings.messages import Source, StartRecording
from store.chain import microseconds

SIZE = (640, 360)
FRAMES = 15


@dataclass(frozen=True)
class Camera:
    """What one site sends: a picture of its own hue, and its tone while it speaks (seconds of media time)."""

    site: str
    hue: int
    hertz: int
    speaks: tuple[int, int] | None


@dataclass(frozen=True)
class _File:
    name: str
    track: str
    site: str
    source: Source
    mime_type: str
    start: int
    end: int


async def record(folder: Path, wish: StartRecording, began: datetime, seconds: int, cameras: Sequence[Camera]) -> None:
    """Makes the folder of a stopped recording: one file a track, and the journal with its pairs."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    files: list[_File] = []
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for camera in cameras:
            made = Path(scratch) / f"{camera.site}.webm"
            await run(_picture(camera, seconds, made), lambda _: None)
            files.append(await asyncio.to_thread(_lay_down, made, folder, camera.site, "camera"))
            await run(_tone(camera, seconds, made), lambda _: None)
            files.append(await asyncio.to_thread(_lay_down, made, folder, camera.site, "microphone"))
    begun_us = microseconds(began)
    lines: list[AnyLine] = [Begun(wish.meeting, wish.recording, "", 0)]
    lines += [Pair(begun_us + second * 1_000_000, second * 1000) for second in range(seconds + 1)]
    lines += [Opened(f.name, f.track, f.site, f.source, f.mime_type, f.start) for f in files]
    lines += [Closed(f.name, f.end) for f in files]
    lines += [Stopped(seconds * 1000)]
    await asyncio.to_thread(append, folder / NAME, encode(lines))


def _picture(camera: Camera, seconds: int, target: Path) -> Command:
    shown = f"testsrc2=size={SIZE[0]}x{SIZE[1]}:rate={FRAMES}:duration={seconds},hue=h={camera.hue}:s=0.5"
    return [
        binary(), "-y", "-f", "lavfi", "-i", shown, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8",
        "-b:v", "350k", "-g", str(5 * FRAMES), "-pix_fmt", "yuv420p", "-f", "webm", str(target),
    ]  # fmt: skip


def _tone(camera: Camera, seconds: int, target: Path) -> Command:
    start, end = camera.speaks or (0, 0)
    heard = f"sine=frequency={camera.hertz}:sample_rate=48000:duration={seconds}"
    quiet = f"volume=0.4,volume=0:enable='not(between(t,{start},{end}))'"
    return [
        binary(), "-y", "-f", "lavfi", "-i", f"{heard},{quiet}", "-ac", "2", "-c:a", "libopus", "-b:a", "32k",
        "-frame_duration", "20", "-f", "webm", str(target),
    ]  # fmt: skip


def _lay_down(made: Path, folder: Path, site: str, source: Source) -> _File:
    """The frames of a file, written again in the recorder's own form."""
    picture = source == "camera"
    mime_type = "video/vp8" if picture else "audio/opus"
    writer = Writer(Layout(mime_type, size=SIZE) if picture else Layout(mime_type, opus_head(2)))
    track = f"{site}.{source}"
    name, start, end = f"{track}.1.mkv", -1, 0
    with (folder / name).open("wb") as file:
        file.write(writer.head())
        for at, key, data in _frames(made):
            start, end = at if start < 0 else start, max(at, end)
            file.write(writer.block(end, key, data))
        file.write(writer.tail())
        end += 1000 // FRAMES if picture else 20
        for offset, data in writer.patches(end):
            file.seek(offset)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return _File(name, track, site, source, mime_type, start, end)


def _frames(made: Path) -> Iterator[tuple[int, bool, bytes]]:
    """Time in milliseconds, whether it is a key frame, and the bytes of each frame."""
    with av.open(made) as container:
        for packet in container.demux(container.streams[0]):
            if packet.pts is not None and packet.size:
                yield max(0, round(packet.pts * packet.time_base * 1000)), packet.is_keyframe, bytes(packet)
