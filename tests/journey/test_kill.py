"""Each process is killed while a meeting goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from assembly import Assembly
from devices import BLUE, GREEN, RED, Device
from guest import Guest, guest
from onlooker import until
from playwright.async_api import Playwright
from relays import ENDPOINT, MEDIA_PORT, connected, process, relays

from bench.office import CHAIR, NORTH, SOUTH, Office, Seat
from bench.product import Product
from meetings.events import RecordingGap, decode
from recordings.journal import NAME, load

pytestmark = pytest.mark.journey


async def test_killing_the_server_harms_neither_media_nor_what_was_acknowledged(assembly: Assembly) -> None:
    chair, north, south = assembly.guests
    await north.press("Đăng ký phát biểu")
    await chair.press("Mời nói: UBND xã Hương Sơn")
    await south.sees("stage-video", RED)
    log = await _log(assembly)

    endpoints = [await each.page.evaluate(ENDPOINT) for each in assembly.guests]
    frames = await _frames(south)
    assembly.product.kill("serve")
    await until(lambda: _frames(south), lambda now: now > frames + 8, "media goes on during the outage")
    await south.hears(RED)

    await asyncio.to_thread(assembly.product.wait_ready)
    assert (await _log(assembly))[: len(log)] == log
    await chair.press("Dừng phát biểu")
    await south.press("Đăng ký phát biểu")
    await chair.press("Mời nói: UBND phường Trần Phú")
    await north.sees("stage-video", assembly.south.device)
    assert [await each.page.evaluate(ENDPOINT) for each in assembly.guests] == endpoints, "nobody made media anew"


async def test_killing_every_relay_brings_the_seats_back_as_soon_as_one_is_started_again(assembly: Assembly) -> None:
    chair, north, south = assembly.guests
    await north.press("Đăng ký phát biểu")
    await chair.press("Mời nói: UBND xã Hương Sơn")
    await south.sees("stage-video", RED)
    endpoints = [await each.page.evaluate(ENDPOINT) for each in assembly.guests]
    began = time.monotonic()
    for pid in relays(assembly.product):
        os.kill(pid, signal.SIGKILL)

    async def renewed() -> list[bool]:
        now = [await each.page.evaluate(ENDPOINT) for each in assembly.guests]
        return [a != b and b is not None for a, b in zip(endpoints, now, strict=True)]

    await until(renewed, all, "new media at every site")
    await asyncio.gather(south.sees("stage-video", RED), chair.sees("stage-video", RED))
    print(f"seats back {time.monotonic() - began:.1f} s after all relays were killed")
    await south.hears(RED)


async def test_killing_one_of_two_relays_moves_its_seats_within_three_seconds_and_the_other_meeting_goes_on(
    playwright: Playwright, tmp_path: Path
) -> None:
    product = await asyncio.to_thread(Product(tmp_path / "var", NGHISU_RELAYS="2").wait_ready)
    try:
        assert product.first_link is not None
        office = await asyncio.to_thread(Office.found, product.url, product.first_link)
        async with AsyncExitStack() as stack:
            tickets: dict[Seat, str] = {}
            for seats in ((CHAIR, NORTH), (HEAD, SOUTH)):
                await asyncio.to_thread(office.convene, seats)
                tickets |= office.tickets
            guests: list[Guest] = []
            for seat, device in ((CHAIR, BLUE), (NORTH, RED), (HEAD, GREEN), (SOUTH, RED)):
                each = await stack.enter_async_context(guest(playwright, seat.unit, device, tmp_path))
                guests.append(each)
                await each.page.add_init_script(MEDIA_PORT)
                began = time.monotonic()
                await each.join(tickets[seat])
                if seat.role == "chair":
                    await each.press("Khai mạc")
            chair, north, head, south = guests
            await _shows(south, GREEN)
            came_in = time.monotonic() - began
            await north.sees("stage-video", BLUE)
            await south.sees("stage-video", GREEN)
            ports = [await each.page.evaluate("window.mediaPort") for each in guests]
            assert ports[0] == ports[1] != ports[2] == ports[3], "each meeting has a relay of its own"

            ours, theirs = [[await each.page.evaluate(ENDPOINT) for each in pair] for pair in (guests[:2], guests[2:])]
            frames, sent = await _frames(south), await _sent(head)
            began = time.monotonic()
            os.kill(process(product, ports[0]), signal.SIGKILL)
            await asyncio.gather(_back(chair, ours[0]), _back(north, ours[1], BLUE))
            took = time.monotonic() - began
            print(f"seats back {took:.2f} s after their relay was killed; to come in took {came_in:.2f} s")
            assert took <= max(3, came_in), "on a slow machine no longer than to come in"
            assert await chair.page.evaluate("window.mediaPort") == ports[2], "on the relay that is left"
            await north.sees("stage-video", BLUE)
            await north.hears(BLUE)

            shown, sent = await _frames(south) - frames, await _sent(head) - sent
            print(f"the other meeting showed {shown} of {sent} frames meanwhile")
            assert shown > sent / 2
            assert [await each.page.evaluate(ENDPOINT) for each in (head, south)] == theirs
            await until(
                lambda: asyncio.to_thread(connected, product), lambda relays: relays == 2, "the dead relay is replaced"
            )
            assert all(each.complaints == [] for each in guests)
    finally:
        assert await asyncio.to_thread(product.stop) == 0


HEAD = Seat("Sở Văn hóa", "Lý Thị Mận", "chair")
SENT = """
async () => {
  const { producers } = await window.nghisu.stats()
  return Math.max(...Object.entries(producers).map(([name, figures]) =>
    name.startsWith("camera") ? figures.framesEncoded ?? 0 : 0))
}
"""


async def _frames(guest: Guest) -> int:
    picture = await guest.picture("stage-video")
    return picture["frames"] if picture else 0


async def _sent(guest: Guest) -> int:
    """How many pictures of its camera a site has sent."""
    return await guest.page.evaluate(SENT)


async def _back(guest: Guest, before: str, sees: Device | None = None) -> None:
    """The guest has new media and, where somebody else is on the stage, a picture."""
    await until(lambda: guest.page.evaluate(ENDPOINT), lambda now: now and now != before, f"new media of {guest.name}")
    if sees is not None:
        await _shows(guest, sees)


async def _shows(guest: Guest, device: Device) -> None:
    await until(
        lambda: guest.picture("stage-video"),
        lambda seen: seen and all(abs(a - b) < 48 for a, b in zip(seen["colour"], device.rgb, strict=True)),
        f"a picture at {guest.name}",
    )


async def test_killing_the_recorder_ten_times_loses_at_most_two_seconds_each_and_every_gap_is_an_event(
    assembly: Assembly,
) -> None:
    chair, north, south = assembly.guests
    await chair.press("Bắt đầu ghi")
    await north.press("Đăng ký phát biểu")
    await chair.press("Mời nói: UBND xã Hương Sơn")
    await south.hears(RED)
    await asyncio.sleep(2)
    longest = 0.0
    for _ in range(10):
        killed = time.monotonic()
        assembly.product.kill("recorder")
        await asyncio.sleep(1.5)
        await asyncio.to_thread(assembly.product.wait_ready)
        longest = max(longest, time.monotonic() - killed)
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
    assert all(seconds <= max(2, longest) for seconds in lost.values()), "or what it was away for on a slow machine"
    events = await until(lambda: _gaps(assembly), lambda found: len(found) >= len(lost), "every gap is an event")
    assert {(e.track, round(e.start, 3)) for e in events} == {(track, round(at / 1000, 3)) for track, at in lost}


async def _gaps(assembly: Assembly) -> list[RecordingGap]:
    events = [decode(payload) for _, payload in await _log(assembly)]
    return [event for event in events if isinstance(event, RecordingGap)]


async def _log(assembly: Assembly) -> list[tuple[int, bytes]]:
    from store.chain import Chain
    from store.database import Database

    database = Database.embedded(assembly.product.var / "db")
    try:
        return [(line.seq, line.payload) for line in await Chain(database).read(assembly.office.meeting)]
    finally:
        await database.close()
