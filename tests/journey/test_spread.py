"""A meeting larger than one relay: its sites see and hear each other across relays, and survive the loss of one."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from devices import BLUE, GREEN, RED
from guest import Guest, guest
from onlooker import until
from playwright.async_api import Playwright
from relays import ENDPOINT, MEDIA_PORT, connected, process

from bench.office import CHAIR, NORTH, SOUTH, Office
from bench.product import Product

pytestmark = pytest.mark.journey


async def test_a_meeting_that_spreads_over_two_relays_is_one_meeting(playwright: Playwright, tmp_path: Path) -> None:
    settings = {"NGHISU_RELAYS": "2", "NGHISU_RELAY_CAP": "2"}
    product = await asyncio.to_thread(Product(tmp_path / "var", **settings).wait_ready)
    try:
        assert product.first_link is not None
        office = await asyncio.to_thread(Office.found, product.url, product.first_link)
        await asyncio.to_thread(office.convene, (CHAIR, NORTH, SOUTH))
        async with AsyncExitStack() as stack:
            guests: list[Guest] = []
            for seat, device in ((CHAIR, BLUE), (NORTH, RED), (SOUTH, GREEN)):
                each = await stack.enter_async_context(guest(playwright, seat.unit, device, tmp_path))
                guests.append(each)
                await each.page.add_init_script(MEDIA_PORT)
                await each.join(office.tickets[seat])
            chair, north, south = guests
            ports = [await each.page.evaluate("window.mediaPort") for each in guests]
            assert ports[0] == ports[1] != ports[2], "the third site is on another relay"

            await chair.press("Khai mạc")
            await south.sees("stage-video", BLUE)
            await south.hears(BLUE)
            await north.press("Đăng ký phát biểu")
            await chair.press("Mời nói: UBND xã Hương Sơn")
            await south.sees("stage-video", RED)
            await south.hears(RED)
            await chair.press("Dừng phát biểu")
            await south.hears_nothing_of(RED)
            await south.press("Đăng ký phát biểu")
            await chair.press("Mời nói: UBND phường Trần Phú")
            await asyncio.gather(chair.sees("stage-video", GREEN), north.sees("stage-video", GREEN))
            await north.hears(GREEN)

            before = [await each.page.evaluate(ENDPOINT) for each in guests]
            began = time.monotonic()
            os.kill(process(product, ports[0]), signal.SIGKILL)
            for each, endpoint in ((chair, before[0]), (north, before[1])):
                await until(
                    lambda each=each: each.page.evaluate(ENDPOINT),
                    lambda now, endpoint=endpoint: now and now != endpoint,
                    f"new media at {each.name}",
                )
            print(f"new endpoints after {time.monotonic() - began:.2f} s")
            await asyncio.gather(chair.sees("stage-video", GREEN), north.sees("stage-video", GREEN))
            print(f"both sites see the stage again {time.monotonic() - began:.2f} s after their relay was killed")
            assert await south.page.evaluate(ENDPOINT) == before[2], "the other relay's site keeps its media"
            await until(lambda: asyncio.to_thread(connected, product), lambda relays: relays == 2, "a new relay")
            assert all(each.complaints == [] for each in guests)
    finally:
        assert await asyncio.to_thread(product.stop) == 0
