from __future__ import annotations

from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from studio import Camera, Microphone, Stream

from recordings.depacketise import Frame, depacketiser
from recordings.matroska import Layout, Writer, blocks, opus_head

SECOND = 1_000_000


def kept(mime_type: str, seconds: int) -> list[Frame]:
    """Frames of real media; a picture's key frames two seconds apart."""
    rate = 48_000 if mime_type == "audio/opus" else 90_000
    stream, depack = Stream(mime_type, rate, stamp=0), depacketiser(mime_type)
    source = Microphone() if mime_type == "audio/opus" else Camera(mime_type.partition("/")[2])
    made: list[Frame] = []
    for index in range(seconds * (50 if isinstance(source, Microphone) else 15)):
        if isinstance(source, Camera):
            source.wanted = index % 30 == 0
        frame = source.speak() if isinstance(source, Microphone) else source.film()
        for packet in stream.pack(frame, round(frame.at * SECOND)):
            if came := depack.push(packet.packet()):
                made.append(came)
    return made


def layout(mime_type: str, first: Frame) -> Layout:
    return Layout(mime_type, opus_head(2) if first.size is None else first.config, first.size)


def write(path: Path, mime_type: str, frames: list[Frame], *, start: int = 7_000, close: bool = True) -> None:
    writer = Writer(layout(mime_type, frames[0]))
    data = bytearray(writer.head())
    for frame in frames:
        data += writer.block(start + frame.arrival // 1000, frame.key, frame.data)
    if close:
        end = start + frames[-1].arrival // 1000 + 20
        data += writer.tail()
        for offset, patch in writer.patches(end):
            data[offset : offset + len(patch)] = patch
    path.write_bytes(data)


@pytest.mark.parametrize("mime_type", ["audio/opus", "video/vp8", "video/h264"])
@pytest.mark.parametrize("close", [True, False])
def test_another_reader_decodes_every_frame_at_its_media_time(tmp_path: Path, mime_type: str, close: bool) -> None:
    frames = kept(mime_type, 4)
    write(tmp_path / "track.mkv", mime_type, frames, close=close)
    with av.open(tmp_path / "track.mkv") as container:
        (stream,) = container.streams
        shown = list(container.decode(stream))
        assert len(shown) == len(frames)
        assert container.start_time == pytest.approx(7 * SECOND, abs=10_000)
        times = [frame.time for frame in shown if frame.time is not None]
        assert times[-1] == pytest.approx(7 + frames[-1].arrival / SECOND, abs=0.01)


def test_a_closed_file_knows_its_length_and_is_searched_by_its_index(tmp_path: Path) -> None:
    frames = kept("video/vp8", 6)
    write(tmp_path / "track.mkv", "video/vp8", frames)
    with av.open(tmp_path / "track.mkv") as container:
        assert container.duration == pytest.approx(12_953_000, abs=1_000)
        container.seek(11_500_000)
        packet = next(container.demux())
        assert packet.is_keyframe
        assert float((packet.pts or 0) * packet.time_base) == pytest.approx(11.0, abs=0.01)


def test_our_own_reader_sees_the_same_frames(tmp_path: Path) -> None:
    frames = kept("video/h264", 5)
    path = tmp_path / "track.mkv"
    write(path, "video/h264", frames)
    found = blocks(path)
    data = path.read_bytes()
    assert [data[block.offset : block.offset + block.length] for block in found] == [frame.data for frame in frames]
    assert [block.at for block in found] == [7_000 + frame.arrival // 1000 for frame in frames]
    assert [block.key for block in found] == [frame.key for frame in frames]
    assert blocks(path, last_cluster=True) == found[-15:]


FRAMES = kept("audio/opus", 2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1))
def test_a_file_cut_off_anywhere_keeps_every_whole_frame_before_the_cut(tmp_path: Path, cut: float) -> None:
    whole, torn = tmp_path / "whole.mkv", tmp_path / "torn.mkv"
    write(whole, "audio/opus", FRAMES, close=False)
    data = whole.read_bytes()
    at = round(cut * len(data))
    torn.write_bytes(data[:at])
    expected = [block for block in blocks(whole) if block.offset + block.length <= at]
    assert blocks(torn) == expected
    assert blocks(torn, last_cluster=True)[-1:] == expected[-1:]


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_in_a_file_breaks_nothing(tmp_path: Path, rubbish: bytes) -> None:
    path = tmp_path / "track.mkv"
    write(path, "audio/opus", FRAMES[:5], close=False)
    path.write_bytes(path.read_bytes() + rubbish)
    assert [block.at for block in blocks(path)][:5] == [7_000, 7_020, 7_040, 7_060, 7_080]
    path.write_bytes(rubbish)
    assert isinstance(blocks(path), list)
