"""The only window to ffmpeg: commands built by ffmpeg-python, run as subprocesses with the lowest claim on the machine.

A command is pure data; ``run`` carries it out and tells how many seconds of media are done. If this process dies,
ffmpeg dies at its next word of progress, because nobody reads it any more (SIGPIPE).
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from recordings.plates import HEIGHT, WIDTH

RATE = 25
STAGE = "0x0B1117"
SAMPLES = 48_000
VIDEO: Mapping[str, object] = {
    "vcodec": "libx264", "preset": "veryfast", "crf": 23, "pix_fmt": "yuv420p", "g": 2 * RATE, "bf": 0,
    "video_track_timescale": 12_800, "an": None, "f": "mp4",
}  # fmt: skip

Command = list[str]


class FfmpegFailed(Exception):
    """ffmpeg ended with an error; its last words are the argument."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a sound file. Times are seconds: ``skip`` from the file's start, ``delay`` within the slice."""

    path: Path
    skip: float
    length: float
    delay: float


@cache
def binary() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    return get_ffmpeg_exe()


def _library() -> Any:
    """ffmpeg-python, which has no types."""
    import ffmpeg

    return ffmpeg


def _made(stream: Any) -> Command:
    return cast("Command", stream.compile(cmd=binary(), overwrite_output=True))


def picture(source: Path, *, skip: float, lead: float, frames: int, plate: Path | None, target: Path) -> Command:
    """``frames`` of the film out of a track: the picture is ``lead`` seconds after ``skip`` seconds of the file.

    The picture that stood before is held where the track has none yet, and the last one where it has none any more.
    """
    ffmpeg = _library()
    shown = ffmpeg.input(str(source), ss=f"{skip:.3f}").video
    shown = (
        shown.filter("setpts", f"PTS-{lead:.3f}/TB")
        .filter("scale", WIDTH, HEIGHT, force_original_aspect_ratio="decrease", force_divisible_by=2, flags="bicubic")
        .filter("pad", WIDTH, HEIGHT, "(ow-iw)/2", "(oh-ih)/2", color=STAGE)
        .filter("setsar", 1)
        .filter("fps", RATE, start_time=0)
        .filter("tpad", stop_mode="clone", stop=frames)
    )
    if plate:
        shown = shown.overlay(ffmpeg.input(str(plate)), x=28, y="main_h-overlay_h-28")
    return _made(ffmpeg.output(shown, str(target), **{"frames:v": frames, "r": RATE, **VIDEO}))


def still(image: Path, frames: int, target: Path) -> Command:
    """``frames`` of a card."""
    ffmpeg = _library()
    shown = ffmpeg.input(str(image), loop=1, framerate=RATE).filter("setsar", 1)
    return _made(ffmpeg.output(shown, str(target), **{"frames:v": frames, "r": RATE, **VIDEO}))


def sound(pieces: Sequence[Piece], length: float, target: Path) -> Command:
    """A slice of the meeting's sound, ``length`` seconds: every track mixed, silence where nobody is heard."""
    ffmpeg = _library()
    silence = ffmpeg.input(f"anullsrc=r={SAMPLES}:cl=mono", f="lavfi", t=f"{length:.3f}")
    voices: list[Any] = [silence]
    for piece in pieces:
        voice = ffmpeg.input(str(piece.path), ss=f"{piece.skip:.3f}", t=f"{piece.length:.3f}").audio
        voice = voice.filter("aresample", SAMPLES, **{"async": 1, "min_hard_comp": 0.05, "first_pts": 0})
        voice = voice.filter("aformat", sample_fmts="fltp", channel_layouts="mono")
        voices.append(voice.filter("adelay", f"{round(piece.delay * 1000)}", all=1))
    mixed = ffmpeg.filter(voices, "amix", inputs=len(voices), normalize=0, duration="first")
    mixed = mixed.filter("alimiter", limit=0.95, level=0).filter("atrim", end_sample=round(length * SAMPLES))
    return _made(ffmpeg.output(mixed, str(target), acodec="flac", sample_fmt="s16", ac=1, f="flac"))


def film(pictures: Path, sounds: Path, chapters: Path, target: Path) -> Command:
    """The parts joined: pictures copied, sound made AAC, chapters added, the index at the front (faststart)."""
    ffmpeg = _library()
    shown = ffmpeg.input(str(pictures), f="concat", safe=0)
    heard = ffmpeg.input(str(sounds), f="concat", safe=0)
    words = ffmpeg.input(str(chapters), f="ffmetadata")
    made = ffmpeg.output(
        shown.video, heard.audio, words, str(target),
        vcodec="copy", acodec="aac", audio_bitrate="96k", movflags="+faststart", f="mp4",
        map_metadata=2, map_chapters=2,
    )  # fmt: skip
    return _without_map(_made(made), "2")


def _without_map(command: Command, source: str) -> Command:
    """ffmpeg-python maps every input; the one that only brings words has no stream."""
    at = next(i for i, part in enumerate(command) if part == "-map" and command[i + 1] == source)
    return command[:at] + command[at + 2 :]


async def run(command: Command, on_seconds: Callable[[float], None]) -> None:
    """Carries a command out. Raises ``FfmpegFailed``; when cancelled, ffmpeg is ended first."""
    nice = ["nice", "-n", "10"] if shutil.which("nice") else []
    options = ["-nostdin", "-hide_banner", "-loglevel", "error", "-nostats", "-progress", "pipe:1"]
    process = await asyncio.create_subprocess_exec(
        *nice, command[0], *options, *command[1:], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    words = asyncio.create_task(process.stderr.read(), name="ffmpeg:stderr")
    try:
        async for line in process.stdout:
            name, _, value = line.decode().strip().partition("=")
            if name == "out_time_us" and value.lstrip("-").isdigit():
                on_seconds(max(0.0, int(value) / 1_000_000))
        if await process.wait():
            raise FfmpegFailed((await words).decode(errors="replace").strip()[-800:])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await asyncio.gather(words, return_exceptions=True)
