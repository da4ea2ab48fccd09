from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studio import Camera, Encoded, Microphone, Sent, Stream, units

from recordings.depacketise import Frame, depacketiser, opus_duration
from recordings.h264 import picture_size
from recordings.rtp import Packet


def film(codec: str, count: int, keys: Iterable[int] = (0,), **picture: int) -> list[Encoded]:
    camera = Camera(codec, **picture)
    made: list[Encoded] = []
    for index in range(count):
        camera.wanted = index in keys
        made.append(camera.film())
    return made


def packets(codec: str, frames: Iterable[Encoded]) -> list[list[Sent]]:
    stream = Stream(f"video/{codec}", 90_000)
    return [list(stream.pack(frame, round(frame.at * 1e6))) for frame in frames]


def unpack(codec: str, sent: Iterable[Sent]) -> list[Frame]:
    depack = depacketiser(f"video/{codec}")
    return [frame for packet in sent if (frame := depack.push(packet.packet()))]


def test_vp8_frames_come_out_as_the_encoder_made_them() -> None:
    frames = film("vp8", 12, keys=(0, 6))
    sent = packets("vp8", frames)
    assert max(map(len, sent)) > 1
    out = unpack("vp8", [packet for frame in sent for packet in frame])
    assert [frame.data for frame in out] == [frame.data for frame in frames]
    assert [frame.key for frame in out] == [frame.key for frame in frames]
    assert out[0].size == (320, 180)


def test_h264_frames_come_out_with_lengths_in_place_of_start_codes() -> None:
    frames = film("h264", 12, keys=(0, 6), width=640, height=352)
    out = unpack("h264", [packet for frame in packets("h264", frames) for packet in frame])
    assert [frame.key for frame in out] == [frame.key for frame in frames]
    for came, made in zip(out, frames, strict=True):
        media = [unit for unit in units(made.data) if unit[0] & 0x1F not in (7, 8, 9)]
        assert came.data == b"".join(len(unit).to_bytes(4, "big") + unit for unit in media)
    assert out[0].size == (640, 352)
    assert out[0].config[0] == 1


def test_h264_decodes_from_what_was_kept() -> None:
    out = unpack("h264", [packet for frame in packets("h264", film("h264", 8)) for packet in frame])
    context = av.CodecContext.create("h264", "r")
    context.extradata = out[0].config
    shown = [frame for kept in out for frame in context.decode(av.Packet(kept.data))]
    shown += context.decode(None)
    assert len(shown) == 8


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_video_begins_at_a_key_frame(codec: str) -> None:
    sent = packets(codec, film(codec, 10, keys=(0, 6)))
    depack = depacketiser(f"video/{codec}")
    assert not depack.undecodable
    out = [frame for packets in sent[2:] for packet in packets if (frame := depack.push(packet.packet()))]
    assert [frame.timestamp for frame in out] == [frame[0].timestamp for frame in sent[6:]]


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_after_a_loss_video_waits_for_the_next_key_frame(codec: str) -> None:
    sent = packets(codec, film(codec, 12, keys=(0, 8)))
    depack = depacketiser(f"video/{codec}")
    kept: list[int] = []
    for index, frame in enumerate(sent):
        if index == 3:
            depack.lost()
            assert depack.undecodable
        for packet in frame[1:] if index == 3 else frame:
            if depack.push(packet.packet()):
                kept.append(index)
    assert kept == [0, 1, 2, 8, 9, 10, 11]
    assert not depack.undecodable


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_a_loss_in_the_middle_of_a_key_frame_loses_it_whole(codec: str) -> None:
    (key, *rest) = packets(codec, film(codec, 3, width=640, height=360))
    assert len(key) > 8
    for gone in range(len(key) // 4, len(key), 9):
        depack = depacketiser(f"video/{codec}")
        for packet in key[:gone]:
            depack.push(packet.packet())
        depack.lost()
        later = [*key[gone + 1 :], *(packet for frame in rest for packet in frame)]
        assert [depack.push(packet.packet()) for packet in later] == [None] * len(later)
        assert depack.undecodable


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_a_frame_whose_end_never_comes_is_not_kept(codec: str) -> None:
    (first, second) = packets(codec, film(codec, 2))
    unended = [replace(packet, marker=False) for packet in first]
    assert unpack(codec, [*unended, *second]) == []


def test_a_key_frame_without_its_start_code_is_none() -> None:
    ((first, *rest),) = packets("vp8", film("vp8", 1))
    broken = replace(first, payload=first.payload[:7] + b"xxx" + first.payload[10:])
    assert unpack("vp8", [broken, *rest]) == []


def test_h264_without_parameter_sets_is_not_kept() -> None:
    ((_, *slices),) = packets("h264", film("h264", 1))
    assert unpack("h264", slices) == []


def test_an_opus_packet_is_a_frame_and_says_how_long_it_lasts() -> None:
    microphone, stream = Microphone(), Stream("audio/opus", 48_000)
    depack = depacketiser("audio/opus")
    out = [depack.push(packet.packet()) for _ in range(5) for packet in stream.pack(microphone.speak(), 0)]
    assert [frame.duration for frame in out if frame] == [20_000] * 5


@pytest.mark.parametrize(
    ("payload", "length"),
    [
        (b"", None),
        (bytes((0 << 3,)), 10_000),
        (bytes((3 << 3 | 1,)), 120_000),
        (bytes((12 << 3,)), 10_000),
        (bytes((31 << 3,)), 20_000),
        (bytes((16 << 3 | 3, 4)), 10_000),
        (bytes((16 << 3 | 3,)), None),
        (bytes((3 << 3 | 3, 48)), None),
        (bytes((3 << 3 | 3, 0)), None),
    ],
)
def test_the_length_of_an_opus_packet_follows_from_its_first_bytes(payload: bytes, length: int | None) -> None:
    assert opus_duration(payload) == length


def test_a_picture_size_needs_a_whole_parameter_set() -> None:
    (frame,) = film("h264", 1, width=322, height=182)
    sps = next(unit for unit in units(frame.data) if unit[0] & 0x1F == 7)
    assert picture_size(sps) == (322, 182)
    for cut in range(1, 6):
        with pytest.raises(ValueError, match=r"cut off|too long"):
            picture_size(sps[:cut])


@settings(max_examples=400)
@given(
    st.sampled_from(["audio/opus", "video/vp8", "video/h264"]),
    st.lists(st.tuples(st.binary(max_size=40), st.booleans(), st.integers(0, 3), st.booleans()), max_size=25),
)
def test_garbage_makes_no_frame_that_claims_to_be_a_picture_and_breaks_nothing(
    mime_type: str, rubbish: list[tuple[bytes, bool, int, bool]]
) -> None:
    depack = depacketiser(mime_type)
    for payload, marker, stamp, lost in rubbish:
        if lost:
            depack.lost()
        frame = depack.push(Packet(1, 0, stamp, marker, 0, payload))
        assert frame is None or mime_type == "audio/opus" or frame.key
        assert frame is None or frame.data


def test_a_codec_that_is_not_kept_is_named() -> None:
    with pytest.raises(ValueError, match="video/av1"):
        depacketiser("video/av1")
