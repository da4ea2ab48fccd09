"""A film looked into: streams decoded, chapters read, sound measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np


@dataclass(frozen=True)
class Film:
    """Seconds throughout. ``chapters`` are ``(title, start)``; ``moov_first``: it plays before it is whole."""

    seconds: float
    frames: int
    samples: int
    chapters: tuple[tuple[str, float], ...]
    moov_first: bool


def look(path: Path) -> Film:
    """Decodes every frame of both streams."""
    head = path.read_bytes()
    with av.open(str(path)) as container:
        chapters = tuple(
            (str(c["metadata"].get("title", "")), float(c["start"] * c["time_base"])) for c in container.chapters()
        )
        seconds = float(container.duration or 0) / av.time_base
        frames = sum(1 for _ in container.decode(video=0))
    with av.open(str(path)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    return Film(seconds, frames, samples, chapters, head.index(b"moov") < head.index(b"mdat"))


def colour_at(path: Path, second: float) -> tuple[float, float, float]:
    """The mean colour of the upper half of the picture at that second."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        container.seek(int(second / stream.time_base), stream=stream)  # type: ignore[operator]
        for frame in container.decode(stream):
            if frame.time is not None and frame.time >= second:
                picture = frame.to_ndarray(format="rgb24")
                return tuple(picture[: picture.shape[0] // 2].mean(axis=(0, 1)))  # type: ignore[return-value]
    raise AssertionError(f"no picture at {second} s")


def tone_at(path: Path, second: float, hertz: int, *, span: float = 1.0) -> float:
    """The level of a tone around that second, in dBFS."""
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        parts = [
            resampled.to_ndarray()[0]
            for frame in container.decode(audio=0)
            if frame.time is not None and second <= frame.time < second + span
            for resampled in resampler.resample(frame)
        ]
    sound = np.concatenate(parts)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) / (len(sound) / 4)
    middle = round(hertz * len(sound) / rate)
    return float(20 * np.log10(max(spectrum[middle - 3 : middle + 4].max(), 1e-9)))
