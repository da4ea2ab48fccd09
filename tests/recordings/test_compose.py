from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from shelf import ZERO, Take, lay

from meetings.access import Role
from meetings.events import (
    AnyEvent,
    Entry,
    FloorEnded,
    FloorGiven,
    ItemEnded,
    ItemStarted,
    MeetingPrepared,
    RecordingStarted,
)
from meetings.facts import AgendaItem, Facts, Site
from recordings import compose as composing
from recordings import ffmpeg
from recordings.compose import chapters, compose
from recordings.journal import Missing
from recordings.material import Material, survey
from recordings.mediatime import MediaClock
from recordings.program import Chapter, Programme, programme

CHAIR, SON = 60, 180
FACTS = Facts(
    meeting="m1",
    title="Họp giao ban; quý IV = #1",
    starts_at="",
    ends_at="",
    body="UBND tỉnh",
    agenda=(AgendaItem("i1", 1, "Kinh tế – xã hội", 10), AgendaItem("i2", 2, "Giải phóng mặt bằng", 10)),
    sites=(
        Site("chair", "", "UBND tỉnh", "Chủ tịch Trần Văn Đức", Role.CHAIR),
        Site("son", "", "Xã Hương Sơn", "Nguyễn Thị Hòa", Role.DELEGATE),
    ),
)
STORY: tuple[tuple[float, AnyEvent], ...] = (
    (-5, MeetingPrepared(FACTS)),
    (0, RecordingStarted("m1-2", "chair")),
    (1, ItemStarted("i1", "chair")),
    (2.4, FloorGiven("son", 60, "chair")),
    (5.2, FloorEnded("son", "son", "yielded")),
    (6, ItemEnded("i1", "chair")),
    (6, ItemStarted("i2", "chair")),
)


@dataclass(frozen=True)
class Film:
    """What an independent reader finds in the film."""

    seconds: float
    pictures: np.ndarray
    sound: np.ndarray
    chapters: list[tuple[str, float]]

    def brightness(self, second: float) -> float:
        """Of a corner without bar and plate."""
        return float(self.pictures[round(second * 25)][8:40, 1100:1250].mean())

    def loudness(self, second: float, hertz: float) -> float:
        """How much of a tone is heard in the half second from there on."""
        heard = self.sound[round(second * 48_000) : round((second + 0.5) * 48_000)]
        spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) / len(heard)
        return float(spectrum[round(hertz * len(heard) / 48_000)])


def watch(path: Path) -> Film:
    with av.open(path) as container:
        seconds = (container.duration or 0) / 1_000_000
        names = [(c["metadata"]["title"], float(c["start"] * c["time_base"])) for c in container.chapters()]
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    with av.open(path) as container:
        sound = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return Film(seconds, np.stack(pictures), np.concatenate(sound), names)


def command_lines() -> list[str]:
    """Of every process of the machine."""
    lines: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_text())
    return lines


def plan(material: Material) -> Programme:
    entries = [Entry(seq, ZERO + timedelta(seconds=at), event) for seq, (at, event) in enumerate(STORY, 1)]
    clock = MediaClock(material.journal.pairs)
    return programme(entries, "m1-2", clock, material.footage, material.journal.length)


async def make(folder: Path, on_progress: Callable[[float], None] = lambda _: None) -> Path:
    material = survey(folder)
    assert material
    return await compose(material, plan(material), folder / "work", on_progress)


async def test_a_recording_becomes_one_film_that_shows_who_speaks(tmp_path: Path) -> None:
    folder = tmp_path / "m1-2"
    await asyncio.to_thread(
        lay,
        folder,
        [
            Take("chair", 0, 6.8, CHAIR, 440.0),
            Take("son", 0.5, 3.4, SON, 880.0, codec="h264", killed=True),
            Take("son", 4.4, 6.8, SON, 880.0),
        ],
        6.8,
        (Missing(1, "son.camera", 3_400, 1_000, "recorder"),),
    )
    shares: list[float] = []
    path = await make(folder, shares.append)
    film = await asyncio.to_thread(watch, path)

    assert film.seconds == pytest.approx(6.8, abs=0.1)
    assert len(film.pictures) == 170
    assert film.pictures.shape[1:] == (720, 1280)
    for second, level in ((0.1, CHAIR), (2.2, CHAIR), (2.6, SON), (3.3, SON), (4.6, SON), (5.1, SON), (5.4, CHAIR)):
        assert film.brightness(second) == pytest.approx(level, abs=12), second
    for second in (3.5, 4.3):
        assert film.brightness(second) < 22, "the gap is a dark card"
    assert film.pictures[round(3.9 * 25)].max() > 200, "with light letters"
    plate = film.pictures[round(2.9 * 25)][640:700, 20:420]
    assert plate.min() < 60, "a dark plate over the bright picture"
    assert plate.max() > 230, "with light letters"

    assert film.loudness(1, 440) > 20 * film.loudness(1, 660)
    assert film.loudness(1, 880) > 20 * film.loudness(1, 660)
    assert film.loudness(3.7, 440) > 20 * film.loudness(3.7, 880), "only the chair is heard in the gap"
    assert film.loudness(5, 880) > 20 * film.loudness(5, 660)

    assert [name for name, _ in film.chapters] == ["Mở đầu", "1. Kinh tế – xã hội", "2. Giải phóng mặt bằng"]
    assert [start for _, start in film.chapters] == [0.0, pytest.approx(1, abs=0.05), pytest.approx(6, abs=0.05)]

    data = await asyncio.to_thread(path.read_bytes)
    assert 0 < data.index(b"moov") < data.index(b"mdat"), "the index is at the front"
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert len(set(shares)) > 4
    assert list((folder / "work").glob("half-*")) == []


async def test_work_that_was_broken_off_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "m1-2"
    await asyncio.to_thread(lay, folder, [Take("chair", 0, 6, CHAIR)], 6.0)
    ran: list[str] = []
    run = ffmpeg.run

    async def counted(command: ffmpeg.Command, on_seconds: Callable[[float], None]) -> None:
        if len(ran) == 2:
            raise asyncio.CancelledError
        ran.append(command[-1])
        await run(command, on_seconds)

    monkeypatch.setattr(composing.ffmpeg, "run", counted)
    with pytest.raises(asyncio.CancelledError):
        await make(folder)
    kept = {path.name for path in (folder / "work").glob("p-*")}
    assert len(kept) == 2
    ran.clear()
    monkeypatch.setattr(composing.ffmpeg, "run", run)
    before = {name: (folder / "work" / name).stat().st_mtime_ns for name in kept}
    film = await asyncio.to_thread(watch, await make(folder))
    assert {name: (folder / "work" / name).stat().st_mtime_ns for name in kept} == before
    assert film.seconds == pytest.approx(6.0, abs=0.1)


async def test_a_recording_without_media_is_a_silent_card(tmp_path: Path) -> None:
    folder = tmp_path / "m1-2"
    await asyncio.to_thread(lay, folder, [], 2.0)
    film = await asyncio.to_thread(watch, await make(folder))
    assert film.seconds == pytest.approx(2.0, abs=0.1)
    assert float(np.abs(film.sound).max()) < 0.001
    assert film.brightness(1) < 22


async def test_what_ffmpeg_cannot_read_is_named(tmp_path: Path) -> None:
    command = ffmpeg.still(tmp_path / "missing.png", 10, tmp_path / "out.mp4")
    with pytest.raises(ffmpeg.FfmpegFailed, match=r"missing\.png"):
        await ffmpeg.run(command, lambda _: None)
    assert not (tmp_path / "out.mp4").exists()


async def test_a_cancelled_run_leaves_no_ffmpeg_behind(tmp_path: Path) -> None:
    from recordings.plates import card

    image = tmp_path / "card.png"
    image.write_bytes(card(None, "Họp"))
    begun = asyncio.Event()
    work = asyncio.create_task(ffmpeg.run(ffmpeg.still(image, 100_000, tmp_path / "out.mp4"), lambda _: begun.set()))
    await asyncio.wait_for(begun.wait(), 120)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not [line for line in await asyncio.to_thread(command_lines) if str(tmp_path) in line]


def test_the_chapters_of_the_file_leave_no_space_that_would_draw_them_together() -> None:
    made = Programme(
        "Họp; số = #1\\n",
        60_000,
        (),
        (Chapter("i1", 1, "A=B", 2_000, 10_000), Chapter("i2", 2, "C", 30_000, 50_000)),
    )
    text = chapters(made)
    assert r"title=Họp\; số \= \#1\\n" in text
    spans = [line.partition("=")[2] for line in text.splitlines() if line.startswith(("START", "END"))]
    assert spans == ["0", "2000", "2000", "10000", "10000", "30000", "30000", "50000", "50000", "60000"]
