from __future__ import annotations

import numpy as np

from bench.load.streams import Streams


def note(streams: Streams, *packets: tuple[int, int, int], at: int = 0) -> None:
    """(stream, sequence, time stamp); each is 100 bytes and arrives a millisecond after the one before."""
    which, sequences, stamps = (np.array(column) for column in zip(*packets, strict=True))
    streams.note(which, sequences, stamps, at + 1000 * np.arange(len(packets)), np.full(len(packets), 100))


def test_streams_are_told_apart_by_whose_they_are() -> None:
    streams = Streams()
    one, other = streams.add(1, 0xFFFF_FFFF, "video", 90_000), streams.add(2, 0xFFFF_FFFF, "audio", 48_000)
    found = streams.find(np.array([2, 1, 3, 1]), np.array([0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 5]))
    assert found.tolist() == [other, one, -1, -1]


def test_a_stream_that_is_added_later_is_found_too() -> None:
    streams = Streams()
    streams.add(1, 10, "video", 90_000)
    streams.find(np.array([1]), np.array([10]))
    streams.add(0, 10, "video", 90_000)
    assert streams.find(np.array([0, 1]), np.array([10, 10])).tolist() == [1, 0]


def test_numbers_go_on_behind_65535_and_gaps_are_lost_packets() -> None:
    streams = Streams()
    video = streams.add(0, 10, "video", 90_000)
    note(streams, (video, 65_534, 0), (video, 65_535, 0), (video, 1, 0))
    assert (streams.total("video"), streams.lost()) == (3, 1)
    note(streams, (video, 0, 0))
    assert streams.lost() == 0


def test_a_first_packet_that_was_overtaken_is_no_loss() -> None:
    streams = Streams()
    video = streams.add(0, 10, "video", 90_000)
    note(streams, (video, 5, 0), (video, 4, 0), (video, 6, 0))
    assert streams.lost() == 0


def test_repetitions_are_no_media() -> None:
    streams = Streams()
    repair = streams.add(0, 11, "repair", 90_000)
    note(streams, (repair, 1, 0), (repair, 9, 0))
    assert (streams.total("video", "audio"), streams.total("repair"), streams.lost()) == (0, 2, 0)


def test_a_report_tells_the_loss_since_the_report_before() -> None:
    streams = Streams()
    video, silent = streams.add(0, 10, "video", 90_000), streams.add(0, 20, "audio", 48_000)
    note(streams, (video, 1, 0), (video, 2, 90), (video, 5, 180))
    (block,) = streams.blocks([video, silent], 0)
    assert (block.ssrc, block.fraction, block.lost, block.highest) == (10, 2 * 256 // 5, 2, 5)
    note(streams, (video, 6, 270))
    (block,) = streams.blocks([video], 0)
    assert (block.fraction, block.lost, block.highest) == (0, 2, 6)


def test_an_even_stream_has_no_jitter_and_a_late_packet_raises_it() -> None:
    streams = Streams()
    video = streams.add(0, 10, "video", 90_000)
    note(streams, (video, 1, 0))
    note(streams, (video, 2, 90), at=1000)
    assert streams.blocks([video], 0)[0].jitter == 0
    note(streams, (video, 3, 180), at=12_000)
    assert streams.blocks([video], 0)[0].jitter == 900 // 16


def test_a_sender_report_is_told_back_with_its_age() -> None:
    streams = Streams()
    video = streams.add(0, 10, "video", 90_000)
    note(streams, (video, 1, 0))
    streams.heed_report(0, 10, 0x1111_2222_3333_4444, now=1_000_000)
    streams.heed_report(0, 99, 0xFFFF_FFFF_FFFF_FFFF, now=1_000_000)
    (block,) = streams.blocks([video], 1_500_000)
    assert (block.last_report, block.since_report) == (0x2222_3333, 32_768)
