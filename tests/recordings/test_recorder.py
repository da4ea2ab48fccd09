from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncGenerator
from itertools import pairwise
from pathlib import Path

import av
import pytest
from stand import GENEROUS, Stand, open_stand, until

from meetings.errors import Unavailable
from recordings import journal, link, matroska
from recordings.messages import EndTrack, StartRecording, StartTrack, StopRecording

KEPT = 3.0
"""Seconds that the relay keeps."""
KILLS = 10


@pytest.fixture
async def stand() -> AsyncGenerator[Stand]:
    async with open_stand() as stand:
        yield stand


async def begin(stand: Stand, site: str = "huong-son", codec: str = "vp8") -> None:
    """Records a camera and a microphone of a site, until something of both is on the disk."""
    endpoint = f"{site}.1"
    await stand.director.start("m1", "m1-3")
    await stand.director.track_available("m1", "m1-3", site, endpoint, stand.relay.camera(endpoint, codec))
    await stand.director.track_available("m1", "m1-3", site, endpoint, stand.relay.microphone(endpoint))
    for source in ("camera", "microphone"):
        await until(lambda source=source: bool(stand.stretches("m1-3", f"{site}.{source}")))


def length_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def frames(path: Path) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(container.streams[0]))


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_a_stopped_recording_is_one_readable_file_a_track(stand: Stand, codec: str) -> None:
    await stand.start_recorder()
    await begin(stand, codec=codec)
    await until(lambda: length_of(stand.folder / "m1-3" / "huong-son.camera.1.mkv") > 40_000)
    sources = ("camera", "microphone")
    before = {source: len(stand.frames("m1-3", "huong-son.1", source)) for source in sources}
    await stand.director.stop("m1", "m1-3")
    kept = stand.journal("m1-3")
    assert {file.track for file in kept.files} == {"huong-son.camera", "huong-son.microphone"}
    assert len(kept.files) == 2
    assert [file.file for file in kept.files if not kept.closed.get(file.file)] == []
    for file in kept.files:
        path = stand.folder / "m1-3" / file.file
        held = matroska.blocks(path)
        assert frames(path) == len(held)
        assert held[0].key
        sent = stand.frames("m1-3", "huong-son.1", file.source)
        assert before[file.source] <= len(held) <= len(sent), "all that was sent before the stop, and nothing twice"
        assert held[0].at == pytest.approx(sent[0].arrived, abs=2)
        for frame, block in zip(sent, held, strict=False):
            assert frame.filmed - 2 <= block.at <= frame.filmed + stand.late + 2
        assert kept.stopped is not None
        assert sent[before[file.source] - 1].sent <= kept.stopped
    assert stand.gaps == []


async def test_the_journal_pairs_utc_and_media_time_once_a_second(stand: Stand) -> None:
    await stand.start_recorder()
    await begin(stand)
    await until(lambda: len(stand.journal("m1-3").pairs) > 3)
    lines = (stand.folder / "m1-3" / journal.NAME).read_bytes().splitlines()
    assert [json.loads(line)["kind"] for line in lines[:2]] == ["begun", "pair"]
    first, *pairs = stand.journal("m1-3").pairs
    assert 0 <= first.media <= pairs[0].media
    for earlier, later in pairwise(pairs):
        assert later.media - earlier.media >= 999
    for earlier, later in pairwise((first, *pairs)):
        assert abs((later.utc_us - earlier.utc_us) / 1000 - (later.media - earlier.media)) < 20


async def test_ten_kills_of_the_recorder_lose_less_than_two_seconds_each_and_every_gap_is_told(stand: Stand) -> None:
    """Where the machine is so slow that a recorder is away for longer than the relay keeps media, that is lost too."""
    await stand.start_recorder()
    await stand.start_recorder()
    await begin(stand)
    await asyncio.sleep(0.5)
    unheard = [await kill(stand) for _ in range(KILLS)]
    await stand.director.stop("m1", "m1-3")
    told = {(gap.track, round(gap.start * 1000)): round(gap.seconds * 1000) for _, gap in stand.gaps}
    for track, usual in (("huong-son.camera", 67), ("huong-son.microphone", 20)):
        held = stand.stretches("m1-3", track)
        assert len(held) == KILLS + 1
        missing = [after[0] - before[1] - usual for before, after in pairwise(held)]
        for gap, longer in zip(missing, unheard, strict=True):
            assert gap <= 2_000 + longer + stand.late
        long = [gap for gap in missing if gap > 150]
        reported = [seconds for (name, _), seconds in told.items() if name == track]
        assert len(reported) >= len([gap for gap in long if gap > 150 + stand.late])
        assert sum(reported) >= sum(long) - (100 + stand.late) * len(long)
    assert {gap.cause for _, gap in stand.gaps} <= {"recorder"}
    assert {(gap.track, round(gap.start * 1000)) for _, gap in stand.gaps} == {
        (gap.track, gap.media) for gap in stand.journal("m1-3").gaps
    }


async def kill(stand: Stand) -> float:
    """Kills whoever keeps the recording, until another has kept some of both tracks. Returns the milliseconds of sound
    that the relay had forgotten when it was asked for them."""
    held = {track: len(stand.stretches("m1-3", track)) for track in ("huong-son.camera", "huong-son.microphone")}
    killed = time.monotonic()
    await stand.kill_and_restart()
    unheard = max(0.0, time.monotonic() - killed - KEPT) * 1000
    for track, files in held.items():
        await until(lambda track=track, files=files: len(stand.stretches("m1-3", track)) == files + 1)
    return unheard


async def test_sound_is_whole_over_a_kill_because_the_relay_replays_it(stand: Stand) -> None:
    await stand.start_recorder()
    await begin(stand)
    await asyncio.sleep(1)
    unheard = await kill(stand)
    await stand.director.stop("m1", "m1-3")
    (before, after) = stand.stretches("m1-3", "huong-son.microphone")
    assert before[1] < after[0] <= before[1] + 45 + unheard + stand.late
    told = sum(gap.seconds for _, gap in stand.gaps if gap.track == "huong-son.microphone")
    assert told * 1000 <= unheard + stand.late
    assert stand.relay.replays >= 4


async def test_a_recording_is_kept_by_one_recorder_alone(stand: Stand) -> None:
    await stand.start_recorder()
    await stand.link.start_recording(StartRecording("m1", "m1-3"))
    keeper = stand.link.holder("m1-3")
    other = await stand.start_recorder()
    assert stand.link.holder("m1-3") == keeper
    stand.link._holders.clear()  # as if the link had forgotten who keeps it
    stand.link._present.pop(next(iter(stand.link._present)))
    assert stand.link.holder("m1-3") == next(each for each in stand.link.recorders if each.pid == other.pid)
    with pytest.raises(Unavailable):
        await stand.link.start_recording(StartRecording("m1", "m1-3"))


async def test_without_a_key_frame_at_the_loss_the_gap_lasts_until_one_that_the_recorder_asks_for(stand: Stand) -> None:
    await stand.start_recorder()
    await begin(stand)
    await asyncio.sleep(4)
    stand.link.on_away = None
    (held,) = stand.stretches("m1-3", "huong-son.camera")
    await until(lambda: stand.stretches("m1-3", "huong-son.camera") != [held])
    await stand.kill_and_restart()
    await until(lambda: len(stand.stretches("m1-3", "huong-son.camera")) == 2)
    await stand.director.stop("m1", "m1-3")
    (before, after) = stand.stretches("m1-3", "huong-son.camera")
    ((meeting, gap),) = [(meeting, gap) for meeting, gap in stand.gaps if gap.track == "huong-son.camera"]
    assert meeting == "m1"
    assert gap.start * 1000 == pytest.approx(before[1] + 67, abs=10)
    assert (gap.start + gap.seconds) * 1000 == pytest.approx(after[0], abs=1)


async def test_a_gap_that_the_server_did_not_hear_of_is_told_again(stand: Stand) -> None:
    await stand.start_recorder()
    await begin(stand)
    await asyncio.sleep(3.5)
    stand.link.on_away = None
    stand.link.on_missing = None
    await stand.kill_and_restart()
    await until(lambda: bool(stand.journal("m1-3").gaps))
    assert stand.gaps == []
    assert stand.journal("m1-3").untold
    stand.link.on_missing = stand.director.media_missing
    await until(lambda: bool(stand.gaps) and not stand.journal("m1-3").untold)


async def test_the_recording_goes_on_while_the_server_is_away(stand: Stand) -> None:
    await stand.start_recorder()
    await begin(stand)
    await asyncio.sleep(1)
    before = stand.returns
    await stand.stop_serving()
    path = stand.folder / "m1-3" / "huong-son.camera.1.mkv"
    size = length_of(path)
    await until(lambda: length_of(path) > size + 20_000)
    await stand.serve()
    stand.director = stand.directed()
    await until(lambda: stand.returns > before)
    replays = stand.relay.replays
    await stand.director.start("m1", "m1-3")
    for (endpoint, _), producer in stand.relay.producers.items():
        await stand.director.track_available("m1", "m1-3", "huong-son", endpoint, producer.inventory)
    assert stand.relay.replays == replays
    await asyncio.sleep(0.5)
    await stand.director.stop("m1", "m1-3")
    assert len(stand.stretches("m1-3", "huong-son.camera")) == 1
    assert len(stand.stretches("m1-3", "huong-son.microphone")) == 1
    assert stand.gaps == []


async def test_told_to_end_it_closes_its_files_and_takes_them_up_later(stand: Stand) -> None:
    await stand.start_recorder()
    await begin(stand)
    await stand.end_recorder(signal.SIGTERM)
    kept = stand.journal("m1-3")
    assert kept.stopped is None
    assert {closed.torn for closed in kept.closed.values()} == {"recorder"}
    await stand.start_recorder()
    await until(lambda: len(stand.stretches("m1-3", "huong-son.microphone")) == 2)


async def test_a_new_relay_leaves_a_gap_of_its_own_cause(stand: Stand) -> None:
    await stand.start_recorder()
    await begin(stand)
    await asyncio.sleep(1)
    for producer in stand.relay.producers.values():
        producer.sink = None
    await asyncio.sleep(0.5)
    await stand.director.relay_lost({"m1": {"huong-son.1"}})
    inventory = stand.relay.microphone("huong-son.2")
    await stand.director.track_available("m1", "m1-3", "huong-son", "huong-son.2", inventory)
    await until(lambda: bool(stand.gaps))
    ((_, gap),) = stand.gaps
    assert (gap.track, gap.cause) == ("huong-son.microphone", "relay")
    last, first = (stand.frames("m1-3", endpoint, "microphone") for endpoint in ("huong-son.1", "huong-son.2"))
    assert first[0].filmed - last[-1].filmed >= 500
    assert gap.seconds * 1000 == pytest.approx(first[0].filmed - last[-1].filmed - 20, abs=30 + stand.late)


async def test_a_camera_that_is_switched_off_and_on_leaves_no_gap(stand: Stand) -> None:
    await stand.start_recorder()
    await begin(stand)
    await asyncio.sleep(0.7)
    inventory = stand.relay.producers["huong-son.1", "camera"].inventory
    await stand.director.track_gone("m1", "m1-3", "huong-son", "huong-son.1", "camera")
    await asyncio.sleep(0.7)
    await stand.director.track_available("m1", "m1-3", "huong-son", "huong-son.1", inventory)
    await until(lambda: len(stand.stretches("m1-3", "huong-son.camera")) == 2)
    await stand.director.stop("m1", "m1-3")
    assert stand.gaps == []


async def test_every_request_may_be_repeated(stand: Stand) -> None:
    await stand.start_recorder()
    wish = StartTrack("m1-3", "a.camera", "a", "camera", "video", "video/VP8", 90_000, 0)
    first = await stand.link.start_recording(StartRecording("m1", "m1-3"))
    assert await stand.link.start_recording(StartRecording("m1", "m1-3")) >= first
    assert await stand.link.start_track(wish) == await stand.link.start_track(wish)
    for _ in range(2):
        await stand.link.end_track(EndTrack("m1-3", "a.camera"))
    length = await stand.link.stop_recording(StopRecording("m1-3"))
    assert await stand.link.stop_recording(StopRecording("m1-3")) == length
    assert await stand.link.stop_recording(StopRecording("never")) == 0.0


@pytest.mark.parametrize("recording", ["../m1", "m1/..", "", "m1-3\0"])
async def test_a_name_that_leads_elsewhere_is_refused(stand: Stand, recording: str) -> None:
    await stand.start_recorder()
    with pytest.raises(Unavailable):
        await stand.link.start_recording(StartRecording("m1", recording))


async def test_a_stopped_recording_does_not_begin_again(stand: Stand) -> None:
    await stand.start_recorder()
    await stand.link.start_recording(StartRecording("m1", "m1-3"))
    await stand.link.stop_recording(StopRecording("m1-3"))
    with pytest.raises(Unavailable):
        await stand.link.start_recording(StartRecording("m1", "m1-3"))
    wish = StartTrack("m1-3", "a.camera", "a", "camera", "video", "video/VP8", 90_000, 0)
    with pytest.raises(Unavailable):
        await stand.link.start_track(wish)


async def test_who_does_not_know_the_token_is_no_recorder(stand: Stand) -> None:
    await stand.start_recorder(token="guess")
    await asyncio.sleep(2)
    assert not stand.link.available
    with pytest.raises(Unavailable):
        await stand.link.start_recording(StartRecording("m1", "m1-3"))


async def test_a_request_to_a_recorder_that_dies_is_answered_at_once(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PATIENCE", 3_600.0)
    await stand.start_recorder()
    (process,) = stand.processes.values()
    process.send_signal(signal.SIGSTOP)
    asked = asyncio.create_task(stand.link.start_recording(StartRecording("m1", "m1-3")))
    await asyncio.sleep(0.1)
    assert not asked.done()
    await stand.end(process)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(asked, GENEROUS)


async def test_garbage_on_the_media_port_changes_nothing(stand: Stand) -> None:
    await stand.start_recorder()
    await begin(stand)
    sink = stand.relay.producers["huong-son.1", "microphone"].sink
    assert sink
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(sink.address, sink.port))
    for number in range(2_000):
        transport.sendto((b"\x90" if number % 2 else b"") + number.to_bytes(2, "big") * (number % 40))
    transport.close()
    await asyncio.sleep(0.5)
    await stand.director.stop("m1", "m1-3")
    assert len(stand.stretches("m1-3", "huong-son.microphone")) == 1
    assert stand.gaps == []
