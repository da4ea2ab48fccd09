"""Cameras and microphones that can be told apart at the receiver: each has a colour and a tone."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import imageio_ffmpeg


@dataclass(frozen=True)
class Device:
    """``colour`` is the hue of the picture, ``hertz`` the tone of the sound."""

    colour: str
    hertz: int

    @property
    def rgb(self) -> tuple[int, int, int]:
        return tuple(bytes.fromhex(self.colour.removeprefix("0x")))  # type: ignore[return-value]


RED, GREEN, BLUE = Device("0xC02020", 440), Device("0x20A040", 700), Device("0x2050C0", 1060)


RATE = 10
"""Frames a second. A file of raw pictures is played at its own rate; one of JPEG pictures at 30 a second, which three
browsers on two cores would spend most of their time on."""


def make(device: Device) -> tuple[Path, Path]:
    """A looped film (640×360, a square that moves) and a looped tone; made once."""
    film, tone = _folder() / f"{device.hertz}.y4m", _folder() / f"{device.hertz}.wav"
    moving = "drawbox=x='mod(t*160,600)':y=300:w=40:h=40:color=white:t=fill"
    _ffmpeg(f"color=c={device.colour}:s=640x360:r={RATE}:d=4,{moving}", film, "-pix_fmt", "yuv420p")
    _ffmpeg(f"sine=frequency={device.hertz}:duration=8:sample_rate=48000", tone, "-ac", "2", "-filter:a", "volume=4")
    return film, tone


def smaller(device: Device) -> Path:
    """A film of 320×180 and 5 frames a second: many cameras on one machine."""
    film = _folder() / f"{device.hertz}-small.y4m"
    moving = "drawbox=x='mod(t*80,280)':y=150:w=20:h=20:color=white:t=fill"
    _ffmpeg(f"color=c={device.colour}:s=320x180:r=5:d=2,{moving}", film, "-pix_fmt", "yuv420p")
    return film


@cache
def _folder() -> Path:
    """Gone with this process."""
    folder = Path(tempfile.mkdtemp(prefix="nghisu-devices-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _ffmpeg(source: str, target: Path, *words: str) -> None:
    if not target.exists():
        ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-f", "lavfi", "-i", source]
        subprocess.run([*ffmpeg, *words, str(target)], check=True)
