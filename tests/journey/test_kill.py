"""Each process is killed while a meeting goes on."""

from __future__ import annotations

import asyncio
import time

import pytest
from assembly import Assembly
from devices import RED
from onlooker import until

from meetings.events import RecordingGap, decode
from recordings.journal import NAME, load

pytestmark = pytest.mark.journey


async def test_killing_the_server_harms_neither_media_nor_what_was_acknowledged(assembly: Assembly) -> None:
    chair, north, south = assembly.guests
    await north.press("Đăng ký phát biểu")
    await chair.press("Mời nói: UBND xã Hương Sơn")
    await south.sees("stage-video", RED)
    log = await _log(assembly)

    before = await south.picture("stage-video")
    assembly.product.kill("serve")
    await asyncio.sleep(1)
    during = await south.picture("stage-video")
    assert before
    assert during
    assert during["frames"] > before["frames"] + 8, "media goes on during the outage"
    await south.hears(RED)

    await asyncio.to_thread(assembly.product.wait_ready)
    assert (await _log(assembly))[: len(log)] == log
    await chair.press("Dừng phát biểu")
    await south.press("Đăng ký phát biểu")
    await chair.press("Mời nói: UBND phường Trần Phú")
    await north.sees("stage-video", assembly.south.device)
    after = await south.page.evaluate("async () => (await window.nghisu.stats()).endpoint")
    assert after


async def test_killing_the_relay_brings_the_seats_back_within_five_seconds(assembly: Assembly) -> None:
    chair, north, south = assembly.guests
    await north.press("Đăng ký phát biểu")
    await chair.press("Mời nói: UBND xã Hương Sơn")
    await south.sees("stage-video", RED)
    endpoints = [await each.page.evaluate(ENDPOINT) for each in assembly.guests]
    began = time.monotonic()
    assembly.product.kill("relay")

    async def renewed() -> list[bool]:
        now = [await each.page.evaluate(ENDPOINT) for each in assembly.guests]
        return [a != b and b is not None for a, b in zip(endpoints, now, strict=True)]

    await until(renewed, all, "new media at every site")
    await asyncio.gather(south.sees("stage-video", RED), chair.sees("stage-video", RED))
    print(f"seats back {time.monotonic() - began:.1f} s after the relay was killed")
    await south.hears(RED)


async def test_killing_the_recorder_ten_times_loses_at_most_two_seconds_each_and_every_gap_is_an_event(
    assembly: Assembly,
) -> None:
    chair, north, south = assembly.guests
    await chair.press("Bắt đầu ghi")
    await north.press("Đăng ký phát biểu")
    await chair.press("Mời nói: UBND xã Hương Sơn")
    await south.hears(RED)
    await asyncio.sleep(2)
    for _ in range(10):
        assembly.product.kill("recorder")
        await asyncio.sleep(1.5)
        await asyncio.to_thread(assembly.product.wait_ready)
    await chair.press("Rời họp")
    await chair.press("Kết thúc họp cho tất cả")
    await north.page.get_by_text("Cuộc họp đã kết thúc").first.wait_for()

    (journal,) = (assembly.product.var / "recordings").glob("*/" + NAME)
    read = await until(
        lambda: asyncio.to_thread(load, journal.parent), lambda j: j and j.stopped is not None, "the end"
    )
    assert read
    lost = {(gap.track, gap.media): gap.length / 1000 for gap in read.gaps}
    print(f"missing per gap: {sorted(round(seconds, 2) for seconds in lost.values())}")
    assert all(seconds <= 2 for seconds in lost.values())
    events = await until(lambda: _gaps(assembly), lambda found: len(found) >= len(lost), "every gap is an event")
    assert {(e.track, round(e.start, 3)) for e in events} == {(track, round(at / 1000, 3)) for track, at in lost}


async def _gaps(assembly: Assembly) -> list[RecordingGap]:
    events = [decode(payload) for _, payload in await _log(assembly)]
    return [event for event in events if isinstance(event, RecordingGap)]


ENDPOINT = "async () => (await window.nghisu.stats()).endpoint"


async def _log(assembly: Assembly) -> list[tuple[int, bytes]]:
    from store.chain import Chain
    from store.database import Database

    database = Database.embedded(assembly.product.var / "db")
    try:
        return [(line.seq, line.payload) for line in await Chain(database).read(assembly.office.meeting)]
    finally:
        await database.close()
