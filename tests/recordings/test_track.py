from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from studio import Sent, Stream, reel, tone

from recordings import matroska
from recordings.journal import Cause
from recordings.messages import StartTrack
from recordings.segment import Disk
from recordings.track import KEY_EVERY, Torn, Track

CAMERA = StartTrack("m1-2", "son.camera", "son", "camera", "video", "video/VP8", 90_000, 0)
MICROPHONE = StartTrack("m1-2", "son.microphone", "son", "microphone", "audio", "audio/opus", 48_000, 2)
ZERO = 50_000_000


@pytest.mark.parametrize(
    ("torn", "first", "ready", "undecodable", "gap"),
    [
        (Torn(10_000, 10_100, "recorder"), 10_030, 10_600, False, (10_000, 0)),
        (Torn(10_000, 10_100, "recorder"), 10_590, 10_600, False, (10_000, 590)),
        (Torn(10_000, 10_100, "recorder"), 14_000, 10_600, False, (10_000, 600)),
        (Torn(10_000, 10_100, "recorder"), 14_000, 10_600, True, (10_000, 4_000)),
        (Torn(10_000, 10_100, "recorder"), 9_000, 10_600, True, (10_000, 0)),
        (Torn(10_000, 20_000, "recorder"), 30_000, 20_600, False, (10_000, 0)),
        (Torn(10_000, 20_000, "recorder"), 20_700, 20_600, False, (20_000, 600)),
        (Torn(10_000, 10_000, "disk"), 12_500, 0, True, (10_000, 2_500)),
    ],
    ids=[
        "what the relay replayed closes the tear",
        "what came before the return but was not replayed is missing",
        "after the return silence is silence",
        "what could not be decoded is missing",
        "an overlap is no gap",
        "a muted site lost nothing",
        "a site that spoke again while the recorder was away lost what it said",
        "a disk that refused loses until it takes again",
    ],
)
def test_what_is_missing_is_measured(
    torn: Torn, first: int, ready: int, undecodable: bool, gap: tuple[int, int]
) -> None:
    assert torn.gap(first, ready, undecodable) == gap


@dataclass
class Shelf:
    folder: Path
    disk: Disk = field(default_factory=Disk)
    said: list[tuple[object, ...]] = field(default_factory=list[tuple[object, ...]])
    asked: int = 0

    def media(self, at_us: int) -> int:
        return (at_us - ZERO) // 1000

    def opened(self, file: str, wish: StartTrack, at: int) -> None:
        self.said.append(("opened", file))

    def closed(self, file: str, at: int, torn: Cause | None) -> None:
        self.said.append(("closed", file))

    def missing(self, track: str, start: int, length: int, cause: Cause) -> None:
        self.said.append((cause, start, length))

    def ask(self) -> None:
        self.asked += 1

    def track(self, wish: StartTrack) -> Track:
        return Track(wish, ssrc=7, number=0, shelf=self, torn=None, now=ZERO, ask_key=self.ask)

    async def blocks(self, file: str) -> list[matroska.Block]:
        await asyncio.sleep(0)
        await self.disk.call(lambda: None)
        return await asyncio.to_thread(matroska.blocks, self.folder / file)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.disk.close()


def film(count: int, keys: tuple[int, ...] = (0,), level: int = 120) -> list[list[Sent]]:
    """Packets of the frames of a camera, 15 a second."""
    frames, stream = reel("vp8", level), Stream("video/vp8", 90_000)
    made: list[list[Sent]] = []
    for index in range(count):
        chosen = frames[index % len(frames)][index in keys]
        at = index / 15
        made.append(list(stream.pack(type(chosen)(at, chosen.data, chosen.key), ZERO + round(at * 1e6))))
    return made


def play(track: Track, frames: list[list[Sent]]) -> None:
    for packet in (packet for frame in frames for packet in frame):
        track.receive(packet.packet(), packet.arrival)


async def test_a_loss_in_a_picture_is_a_gap_until_the_key_frame_that_was_asked_for(shelf: Shelf) -> None:
    track, frames = shelf.track(CAMERA), film(40, keys=(0, 25))
    play(track, [*frames[:10], *frames[11:20]])
    track.tick(ZERO + 2_000_000)
    assert shelf.asked >= 1
    play(track, frames[20:])
    assert shelf.said[1][:2] == ("relay", 667)
    assert shelf.said[1][2] == pytest.approx(1_000, abs=2)
    track.end()
    assert len(await shelf.blocks("son.camera.1.mkv")) == 25


async def test_a_picture_that_cannot_begin_asks_for_a_key_frame_at_once_and_not_with_every_packet(shelf: Shelf) -> None:
    track, frames = shelf.track(CAMERA), film(6, keys=(0,))
    play(track, frames[1:])
    assert shelf.asked == 1
    assert shelf.said == []


async def test_a_key_frame_is_asked_for_when_the_last_one_is_long_ago(shelf: Shelf) -> None:
    track = shelf.track(CAMERA)
    play(track, film(5))
    track.tick(ZERO + KEY_EVERY - 1)
    assert shelf.asked == 0
    track.tick(ZERO + KEY_EVERY + 400_000)
    assert shelf.asked == 1


async def test_a_new_picture_size_begins_a_new_file_without_a_gap(shelf: Shelf) -> None:
    track = shelf.track(CAMERA)
    small, frames = film(10), film(20, keys=(0, 10))
    key = frames[10][0]
    data = bytearray(key.payload)
    data[4 + 6 : 4 + 8] = (640).to_bytes(2, "little")
    frames[10][0] = replace(key, payload=bytes(data))
    play(track, [*small, *frames[10:]])
    track.end()
    assert [word for word, *_ in shelf.said] == ["opened", "closed", "opened", "closed"]
    assert len(await shelf.blocks("son.camera.2.mkv")) == 10


async def test_lost_sound_is_a_gap_and_silence_is_none(shelf: Shelf) -> None:
    track, stream = shelf.track(MICROPHONE), Stream("audio/opus", 48_000)
    spoken = [
        packet
        for index, frame in enumerate(tone(440.0))
        if not 10 <= index < 20
        for packet in stream.pack(type(frame)(index * 0.02, frame.data, True), ZERO + index * 20_000)
    ]
    play(track, [spoken])
    lost = [packet for packet in spoken if not 30 <= spoken.index(packet) < 38]
    again = shelf.track(MICROPHONE)
    play(again, [lost])
    again.tick(ZERO + 5_000_000)
    assert [said for said in shelf.said if said[0] == "relay"] == [("relay", 800, 160)]
    again.end()
    track.end()


async def test_a_disk_that_refuses_is_a_gap_of_its_own_cause(shelf: Shelf) -> None:
    track, frames = shelf.track(CAMERA), film(60, keys=(0, 20, 40))
    (shelf.folder / "son.camera.1.mkv").touch()
    play(track, frames[:10])
    await asyncio.sleep(0)
    await shelf.disk.call(lambda: None)
    await asyncio.sleep(0.05)
    play(track, frames[10:])
    track.end()
    (cause, _, length) = next(said for said in shelf.said if said[0] == "disk")
    assert cause == "disk"
    assert length == pytest.approx(2_000, abs=100)
    assert len(await shelf.blocks("son.camera.2.mkv")) == 20
