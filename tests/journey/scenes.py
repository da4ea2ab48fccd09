"""Rooms to look into, drawn: a wall, a table, people behind it. Nobody's face is needed for a picture."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np

WIDTH, HEIGHT, RATE, SECONDS = 640, 360, 10, 4
WOOD, SKIN = (107, 79, 58), (196, 158, 126)


@dataclass(frozen=True)
class Scene:
    """``wall`` is its colour, ``coats`` one colour for each who sits there."""

    wall: tuple[int, int, int]
    coats: tuple[tuple[int, int, int], ...]


OFFICE = Scene((111, 130, 144), ((232, 236, 239),))
COMMUNE = Scene((138, 143, 134), ((46, 59, 74), (221, 229, 234), (70, 60, 58)))
WARD = Scene((134, 124, 108), ((52, 66, 76), (46, 59, 74)))


def film(scene: Scene, name: str, folder: Path) -> Path:
    """A looped film of the scene; the people breathe."""
    path = folder / f"{name}.y4m"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE), "-i", "-", "-pix_fmt", "yuv420p", str(path)]
    frames = b"".join(_frame(scene, n / (RATE * SECONDS)).tobytes() for n in range(RATE * SECONDS))
    subprocess.run(command, input=frames, check=True)
    return path


def _frame(scene: Scene, turn: float) -> np.ndarray:
    """One frame, ``turn`` of a breath from 0 to 1."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:] = scene.wall
    for left in (60, 450):
        picture[50:170, left : left + 130] = (191, 208, 218)
        picture[50:170, left + 62 : left + 68] = picture[107:113, left : left + 130] = (233, 239, 243)
    size = 1.0 if len(scene.coats) == 1 else 0.62
    for place, coat in enumerate(scene.coats, 1):
        middle = WIDTH * place / (len(scene.coats) + 1)
        head = 300 - 165 * size + 2 * np.sin(2 * np.pi * (turn + place / 3))
        body = ((x - middle) / (95 * size)) ** 2 + ((y - head - 150 * size) / (105 * size)) ** 2 < 1
        picture[body] = coat
        hair = ((x - middle) / (43 * size)) ** 2 + ((y - head + 8 * size) / (52 * size)) ** 2 < 1
        picture[hair] = (30, 28, 30)
        face = ((x - middle) / (34 * size)) ** 2 + ((y - head - 6 * size) / (44 * size)) ** 2 < 1
        picture[face] = SKIN
    picture[y > 300 + 0.0001 * (x - WIDTH / 2) ** 2] = WOOD
    return picture
