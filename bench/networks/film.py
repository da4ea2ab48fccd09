"""A camera and a microphone that cost as many bits as a real room does, and whose pictures bear their number.

The number is a strip of eight fields at the upper edge: seven bits of the frame's place in the loop, and the lowest one
inverted, so that a receiver knows a strip from a picture. Where sender and receiver see the same number, the difference
of the two moments is the delay from camera to screen.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg

WIDTH, HEIGHT, RATE = 1280, 720, 30
"""Chromium plays a file of JPEG pictures at 30 a second, whatever it was made at."""
FRAMES = 120
FIELD = WIDTH // 8


def camera(folder: Path) -> Path:
    """A loop of four seconds: a still room with the noise of a lens in it, and something that moves through."""
    path = folder / "room.mjpeg"
    bits = [f"mod(floor(n/{2**place}),2)" for place in range(7)]
    strip = [f"drawbox=x=0:y=0:w={WIDTH}:h=48:color=black:t=fill"] + [
        f"drawbox=x={FIELD * place}:y=0:w={FIELD}:h=48:color=white:t=fill:enable='{bit}'"
        for place, bit in enumerate([*bits, f"not({bits[0]})"])
    ]
    graph = (
        f"gradients=s={WIDTH}x{HEIGHT}:r={RATE}:d=4:speed=0.00001:seed=3:n=4,format=yuv420p,noise=c0s=8:c0f=t[wall];"
        f"testsrc2=s=480x270:r={RATE}:d=4[moving];"
        "[wall][moving]overlay=x='400+360*sin(2*PI*t/4)':y='260+120*cos(2*PI*t/4)',"
        f"{','.join(strip)}[out]"
    )
    _ffmpeg(
        "-filter_complex", graph, "-map", "[out]", "-frames:v", str(FRAMES), "-q:v", "5", "-pix_fmt", "yuvj420p", path
    )
    return path


def still(folder: Path) -> Path:
    """The camera of a site that is there to look: a picture that costs few bits."""
    path = folder / "still.mjpeg"
    _ffmpeg("-f", "lavfi", "-i", "smptebars=s=640x360:r=15:d=2", "-q:v", "6", "-pix_fmt", "yuvj420p", path)
    return path


def microphone(folder: Path) -> Path:
    """Eight seconds of a voice's shape: harmonics of 160 Hz in syllables, with a breath after each sentence."""
    path = folder / "voice.wav"
    harmonics = "+".join(f"sin(2*PI*{160 * n}*t)/{n}" for n in (1, 2, 3, 4, 5, 6))
    syllables = "pow(sin(2*PI*2*t),2)*lt(mod(t,4),3.4)"
    _ffmpeg("-f", "lavfi", "-i", f"aevalsrc='0.25*({harmonics})*{syllables}':s=48000:d=8", "-ac", "2", path)
    return path


def _ffmpeg(*words: str | Path) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *words], check=True)
