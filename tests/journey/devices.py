"""Cameras and microphones that can be told apart at the receiver: each has a colour and a tone."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
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


def make(device: Device, folder: Path) -> tuple[Path, Path]:
    """A looped film (640×360, 15 frames a second, a clock that moves) and a looped tone."""
    film, tone = folder / f"{device.hertz}.mjpeg", folder / f"{device.hertz}.wav"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
    moving = "drawbox=x='mod(t*160,600)':y=300:w=40:h=40:color=white:t=fill"
    picture = f"color=c={device.colour}:s=640x360:r=15:d=4,{moving}"
    subprocess.run([*ffmpeg, "-f", "lavfi", "-i", picture, "-q:v", "4", "-pix_fmt", "yuvj420p", str(film)], check=True)
    sound = f"sine=frequency={device.hertz}:duration=8:sample_rate=48000"
    subprocess.run([*ffmpeg, "-f", "lavfi", "-i", sound, "-ac", "2", "-filter:a", "volume=4", str(tone)], check=True)
    return film, tone


def smaller(device: Device, folder: Path) -> Path:
    """A film of 320×180 and 5 frames a second: many cameras on one machine."""
    film = folder / f"{device.hertz}-small.mjpeg"
    picture = f"color=c={device.colour}:s=320x180:r=5:d=2,drawbox=x='mod(t*80,280)':y=150:w=20:h=20:color=white:t=fill"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-f", "lavfi", "-i", picture]
    subprocess.run([*ffmpeg, "-q:v", "4", "-pix_fmt", "yuvj420p", str(film)], check=True)
    return film
