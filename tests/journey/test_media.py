"""What every site sees and hears follows from what the chair does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from assembly import Assembly
from devices import BLUE, GREEN, RED
from guest import guest
from playwright.async_api import Playwright

from bench.office import CHAIR, NORTH, SOUTH, Office
from bench.product import Product

pytestmark = pytest.mark.journey

DESCRIPTIONS = """
() => {
  const native = RTCPeerConnection.prototype.setRemoteDescription
  window.descriptions = 0
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    window.descriptions += 1
    return native.call(this, description)
  }
}
"""
"""Counts renegotiations from here on."""


async def test_the_floor_moves_stage_and_sound_for_all_without_renegotiation(assembly: Assembly) -> None:
    chair, north, south = assembly.guests
    for each in assembly.guests:
        await each.page.evaluate(DESCRIPTIONS)
    await north.press("Đăng ký phát biểu")
    await chair.press("Mời nói: UBND xã Hương Sơn")
    for each in (chair, south):
        await each.sees("stage-video", RED)
        await each.hears(RED)
    await chair.press("Dừng phát biểu")
    for each in (north, south):
        await each.sees("stage-video", BLUE)
        await each.hears_nothing_of(RED, looks=4)
    await south.press("Đăng ký phát biểu")
    await chair.press("Mời nói: UBND phường Trần Phú")
    for each in (chair, north):
        await each.sees("stage-video", GREEN)
        await each.hears(GREEN)
    for each in assembly.guests:
        assert await each.page.evaluate("window.descriptions") == 0


async def test_a_muted_site_is_silent_at_the_receivers_even_if_its_client_keeps_sending(
    product: Product, playwright: Playwright, tmp_path: Path
) -> None:
    assert product.first_link is not None
    office = await asyncio.to_thread(Office.found, product.url, product.first_link)
    await asyncio.to_thread(office.convene, (CHAIR, NORTH, SOUTH))
    async with (
        guest(playwright, "chair", BLUE, tmp_path) as chair,
        guest(playwright, "north", RED, tmp_path, patched=True) as north,
        guest(playwright, "south", GREEN, tmp_path) as south,
    ):
        for each, seat in ((chair, CHAIR), (north, NORTH), (south, SOUTH)):
            await each.join(office.tickets[seat])
        await chair.press("Khai mạc")
        await north.press("Đăng ký phát biểu")
        await chair.press("Mời nói: UBND xã Hương Sơn")
        await south.hears(RED)
        await chair.press("Dừng phát biểu")
        for each in (chair, south):
            await each.hears_nothing_of(RED)
        sent = "async () => (await window.nghisu.stats()).producers.microphone.bytesSent"
        before = await north.page.evaluate(sent)
        await asyncio.sleep(2)
        assert await north.page.evaluate(sent) > before + 5000, "the patched client does keep sending"
        await south.hears_nothing_of(RED)
        await south.sees("tile-1", RED)
