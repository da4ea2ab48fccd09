"""Makes the film of a recording: one MP4, in parts that a restart does not make again.

Pictures are encoded a minute at a time, sound is mixed a minute at a time, then both are joined without touching the
pictures. A part carries the digest of what it shows in its name and appears under it only when it is whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from recordings import ffmpeg, plates
from recordings.material import Material
from recordings.program import FRAME, Plate, Programme, Shot

PART = 60_000
"""Longest part, in milliseconds; a whole number of frames."""
PICTURE, SOUND, JOIN = 0.90, 0.06, 0.04
"""What a second of media weighs in the progress, by where the time goes (``docs/record.md``)."""
OPENING, BETWEEN = "Mở đầu", "Ngoài chương trình"

OnProgress = Callable[[float], None]


class ComposeFailed(Exception):
    """The film that was made is not the recording's; the reason is the argument."""


@dataclass(frozen=True)
class _Part:
    """One part to make: ``make`` builds the command for a target; ``length`` is seconds."""

    name: str
    length: float
    weight: float
    make: Callable[[Path], ffmpeg.Command]


class _Progress:
    """Sums the seconds of media that are done, by their weight."""

    def __init__(self, total: float, tell: OnProgress) -> None:
        self._total, self._tell, self._done = total or 1.0, tell, 0.0

    def during(self, part: _Part) -> Callable[[float], None]:
        return lambda seconds: self._tell((self._done + part.weight * min(seconds, part.length)) / self._total)

    def finished(self, part: _Part) -> None:
        self._done += part.weight * part.length
        self._tell(self._done / self._total)


async def compose(material: Material, programme: Programme, work: Path, on_progress: OnProgress) -> Path:
    """The finished film in the folder ``work``; parts that lie there already are used.

    ``on_progress`` takes the measured share, 0 to 1. Raises ``FfmpegFailed``, ``ComposeFailed``.
    """
    await asyncio.to_thread(_prepare, work)
    images = await asyncio.to_thread(_draw, programme, work)
    pictures = [_picture(material, shot, images) for shot in _minutes(programme.shots)]
    sounds = _sounds(material, programme.length)
    lists = await asyncio.to_thread(_lists, programme, pictures, sounds, work)
    digest = _digest(chapters(programme), *(part.name for part in (*pictures, *sounds)))
    join = _Part(f"film-{digest}.mp4", programme.length / 1000, JOIN, lambda target: ffmpeg.film(*lists, target))
    parts = [*pictures, *sounds, join]
    progress = _Progress(sum(part.weight * part.length for part in parts), on_progress)
    for part in parts:
        await _make(part, work, progress)
    made = work / join.name
    await asyncio.to_thread(_check, made, programme.length / 1000)
    return made


async def _make(part: _Part, work: Path, progress: _Progress) -> None:
    target = work / part.name
    if not await asyncio.to_thread(target.exists):
        half = work / f"half-{os.getpid()}-{part.name}"
        try:
            await ffmpeg.run(part.make(half), progress.during(part))
            await asyncio.to_thread(_settle, half, target)
        finally:
            await asyncio.to_thread(half.unlink, True)
    progress.finished(part)


def _settle(half: Path, target: Path) -> None:
    """The whole file takes its name only when its bytes are on the disk."""
    with half.open("rb") as file:
        os.fsync(file.fileno())
    half.replace(target)


def _prepare(work: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    for half in work.glob("half-*"):
        half.unlink(missing_ok=True)


def _digest(*words: object) -> str:
    return hashlib.sha256("\n".join(map(str, words)).encode()).hexdigest()[:16]


# -- pictures --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Images:
    plates: dict[Plate, Path]
    cards: dict[Plate | None, Path]


def _draw(programme: Programme, work: Path) -> _Images:
    """Every plate and card that the film needs."""
    images = _Images({}, {})
    for shot in programme.shots:
        if shot.file is None and shot.plate not in images.cards:
            path = work / f"card-{_digest(shot.plate, programme.title)}.png"
            path.write_bytes(plates.card(shot.plate, programme.title))
            images.cards[shot.plate] = path
        if shot.file and shot.plate and shot.plate not in images.plates:
            path = work / f"plate-{_digest(shot.plate)}.png"
            path.write_bytes(plates.plate(shot.plate))
            images.plates[shot.plate] = path
    return images


def _minutes(shots: Sequence[Shot]) -> list[Shot]:
    """The same shots, none longer than ``PART``."""
    return [
        Shot(start, min(start + PART, shot.end), shot.file, shot.plate)
        for shot in shots
        for start in range(shot.start, shot.end, PART)
    ]


def _picture(material: Material, shot: Shot, images: _Images) -> _Part:
    frames = (shot.end - shot.start) // FRAME
    file, plate = shot.file, shot.plate
    if file is None:
        image = images.cards[plate]
        return _Part(
            f"p-{_digest(image.name, frames)}.mp4",
            frames * FRAME / 1000,
            PICTURE,
            lambda target: ffmpeg.still(image, frames, target),
        )
    first, seen = material.first(file), material.frame_before(file, shot.start)
    skip = max(0, seen - first - 1)
    lead = shot.start - (first + skip)
    name = images.plates[plate] if plate else None
    return _Part(
        f"p-{_digest(file, len(material.stamps[file]), astuple(shot), name)}.mp4",
        frames * FRAME / 1000,
        PICTURE,
        lambda target: ffmpeg.picture(
            material.folder / file, skip=skip / 1000, lead=lead / 1000, frames=frames, plate=name, target=target
        ),
    )


# -- sound -----------------------------------------------------------------------------------------------------------


def _sounds(material: Material, length: int) -> list[_Part]:
    """Slices of the mixed sound, as long together as the pictures."""
    end = round(length / FRAME) * FRAME
    return [_sound(material, start, min(start + PART, end)) for start in range(0, end, PART)]


def _sound(material: Material, start: int, end: int) -> _Part:
    pieces: list[ffmpeg.Piece] = []
    for voice in material.voices:
        begin, stop = max(voice.start, start), min(voice.end, end)
        if stop > begin:
            skip = begin - material.first(voice.file)
            pieces.append(
                ffmpeg.Piece(material.folder / voice.file, skip / 1000, (stop - begin) / 1000, (begin - start) / 1000)
            )
    length = (end - start) / 1000
    return _Part(
        f"s-{_digest(start, end, *pieces)}.flac", length, SOUND, lambda target: ffmpeg.sound(pieces, length, target)
    )


# -- the film --------------------------------------------------------------------------------------------------------


def _lists(
    programme: Programme, pictures: Sequence[_Part], sounds: Sequence[_Part], work: Path
) -> tuple[Path, Path, Path]:
    """The files that tell ffmpeg what to join, and the chapters."""
    paths = work / "pictures.txt", work / "sounds.txt", work / "chapters.txt"
    for path, parts in zip(paths, (pictures, sounds), strict=False):
        path.write_text("ffconcat version 1.0\n" + "".join(f"file '{part.name}'\n" for part in parts))
    paths[2].write_text(chapters(programme))
    return paths


def chapters(programme: Programme) -> str:
    """The title and the chapters as ffmetadata.

    Between the agenda items stand chapters too: an MP4 draws chapters together where there is a space between them.
    """
    lines = [";FFMETADATA1", f"title={_escaped(programme.title)}"]
    at = 0

    def write(start: int, end: int, name: str) -> None:
        lines.extend(["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={end}", f"title={_escaped(name)}"])

    for chapter in programme.chapters:
        if chapter.start - at >= FRAME:
            write(at, chapter.start, BETWEEN if at else OPENING)
        write(chapter.start, chapter.end, f"{chapter.number}. {chapter.title}")
        at = chapter.end
    if programme.chapters and programme.length - at >= FRAME:
        write(at, programme.length, BETWEEN)
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """ffmetadata: the characters that mean something there, behind a backslash."""
    return "".join(f"\\{char}" if char in "=;#\\\n" else char for char in text)


def _check(film: Path, length: float) -> None:
    """Holds the film against the recording, by what its own container says."""
    import av

    with av.open(str(film)) as container:
        seconds = (container.duration or 0) / 1_000_000
        kinds = {stream.type for stream in container.streams}
    if abs(seconds - length) > 1.0 or not kinds >= {"audio", "video"}:
        film.unlink()
        raise ComposeFailed(f"the film has {seconds:.1f} s of {', '.join(kinds)}, the recording {length:.1f} s")
