from __future__ import annotations

import pytest

from bench.load import picture
from bench.load.picture import LIMIT, SHAPES, Mark, Shape


def test_a_frame_is_cut_about_equally_and_the_last_packets_are_a_byte_longer() -> None:
    assert picture.split_about_equally(4402, LIMIT) == [1100, 1100, 1101, 1101]
    assert picture.split_about_equally(1170, LIMIT) == [1170]
    assert picture.split_about_equally(1171, LIMIT) == [585, 586]


def test_a_frame_of_the_headline_has_four_packets_of_about_1100_bytes() -> None:
    for frame in range(3000):
        sizes = picture.sizes("chromium", frame)
        assert len(sizes) == 4
        assert max(sizes) - min(sizes) <= 1
        assert all(1060 <= size <= 1140 for size in sizes)


def test_frames_differ_in_size() -> None:
    assert len({sum(picture.sizes("chromium", frame)) for frame in range(100)}) > 50


def test_a_ragged_frame_has_packets_of_strongly_different_sizes() -> None:
    spans = [max(sizes) - min(sizes) for sizes in (picture.sizes("ragged", frame) for frame in range(100))]
    assert min(spans) > 50
    assert sum(spans) / len(spans) > 300


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("key", [False, True])
def test_a_receiver_recognises_every_packet_whatever_numbers_the_relay_wrote(shape: Shape, key: bool) -> None:
    for frame in range(50):
        for place, size in enumerate(picture.sizes(shape, frame, key=key)):
            mark = Mark(123_456_789, frame, place, shape, key=key)
            body = picture.video_body(mark, size)
            for numbers in ((0, 0), (0x7FFF, 255)):
                payload = picture.descriptor(*numbers, begins=place == 0) + body
                assert picture.read_video(payload) == mark


@pytest.mark.parametrize("place", [6, 30, 500, -1])
def test_one_changed_byte_is_seen(place: int) -> None:
    mark = Mark(1, 4, 1, "chromium")
    payload = bytearray(
        picture.descriptor(9, 9, begins=False) + picture.video_body(mark, picture.sizes("chromium", 4)[1])
    )
    payload[place] ^= 0x40
    assert picture.read_video(bytes(payload)) != mark


def test_a_shortened_packet_is_seen() -> None:
    mark = Mark(1, 4, 1, "chromium")
    payload = picture.descriptor(9, 9, begins=False) + picture.video_body(mark, picture.sizes("chromium", 4)[1])
    assert picture.read_video(payload[:-1]) is None


def test_a_sound_is_recognised_and_a_changed_one_is_not() -> None:
    mark = Mark(99, 7, 0, None)
    payload = bytearray(picture.audio_body(mark))
    assert len(payload) == picture.sound_size(7)
    assert picture.read_audio(bytes(payload)) == mark
    payload[40] ^= 1
    assert picture.read_audio(bytes(payload)) is None


def test_the_first_packet_of_a_frame_tells_key_frames_as_vp8_does() -> None:
    key, delta = (picture.video_body(Mark(1, 1, 0, "chromium", key=key), 1100) for key in (True, False))
    assert key[0] & 1 == 0
    assert key[3:6] == b"\x9d\x01\x2a"
    assert delta[0] & 1 == 1
