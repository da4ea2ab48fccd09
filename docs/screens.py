"""Lays the pictures that the page tests took into ``docs/screens``: WebP, at most 60 kB each.

Run as ``make screens``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg

FOLDER = Path(__file__).parent / "screens"
LARGEST = 60_000


def lay(picture: Path) -> int:
    """Bytes of the WebP made from a PNG, at the best quality that fits."""
    target = FOLDER / f"{picture.stem}.webp"
    for quality in range(62, 5, -8):
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-i", str(picture), "-c:v", "libwebp"]
        subprocess.run([*command, "-quality", str(quality), "-compression_level", "6", str(target)], check=True)
        if target.stat().st_size <= LARGEST:
            break
    return target.stat().st_size


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    total = sum(lay(picture) for picture in sorted(Path(sys.argv[1]).glob("*.png")))
    print(f"docs/screens: {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
