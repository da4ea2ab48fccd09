"""Nobody sends or is sent a larger picture than somebody looks at; all cameras can be looked at, page by page."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from assembly import Assembly
from devices import BLUE, RED, smaller
from guest import Guest, guest
from onlooker import until
from playwright.async_api import Page, Playwright, expect

from bench.office import CHAIR, Office, Seat
from bench.product import Product

pytestmark = pytest.mark.journey

STATS = "async () => await window.nghisu.stats()"
LARGE, SMALL = 360, 180
APART = 1.0
COMMUNES = tuple(Seat(f"UBND xã {name}", f"Chủ tịch xã {name}", "delegate") for name in ("An", "Bình", "Cát", "Dân"))
WARDS = tuple(Seat(f"UBND phường {name}", f"Chủ tịch {name}", "delegate") for name in ("Đông",))


async def heights(of: Guest) -> dict[str, int | None]:
    """How many lines the pictures have that each slot shows."""
    slots = (await of.page.evaluate(STATS))["slots"]
    return {name: figures.get("frameHeight") for name, figures in slots.items() if figures.get("framesDecoded")}


def as_shown(seen: dict[str, int | None]) -> bool:
    return (seen.get("stage-video"), seen.get("tile-1")) == (LARGE, SMALL)


async def growth(of: Guest) -> dict[str, int]:
    """Octets that the camera's encodings have sent within a second, by rid."""

    async def sent() -> dict[str, int]:
        producers = (await of.page.evaluate(STATS))["producers"]
        return {
            name.removeprefix("camera "): figures["bytesSent"]
            for name, figures in producers.items()
            if name.startswith("camera ")
        }

    before = await sent()
    await asyncio.sleep(APART)
    return {rid: octets - before[rid] for rid, octets in (await sent()).items()}


async def received(of: Guest, slot: str) -> int:
    """Packets within a second."""
    before = (await of.page.evaluate(STATS))["slots"][slot]["packetsReceived"]
    await asyncio.sleep(APART)
    return (await of.page.evaluate(STATS))["slots"][slot]["packetsReceived"] - before


async def test_a_tile_gets_the_small_picture_the_stage_the_large_one_and_what_nobody_sees_rests(
    assembly: Assembly,
) -> None:
    chair, north, south = assembly.guests

    await until(lambda: heights(south), as_shown, "south sees the chair large and north small")
    descriptions = await chair.page.evaluate(COUNTED)
    await north.press("Đăng ký phát biểu")
    await chair.press("Mời nói: UBND xã Hương Sơn")
    await south.sees("stage-video", RED)
    resting = await until(lambda: growth(chair), lambda grown: grown["r1"] == 0, "nobody sees the chair large")
    assert resting["r0"] > 0

    await chair.press("Dừng phát biểu")
    await south.sees("stage-video", BLUE)
    await until(lambda: growth(chair), lambda grown: grown["r1"] > 0, "the large picture is sent again")
    await until(lambda: heights(south), as_shown, "south sees the chair large again")
    assert await chair.page.evaluate("window.descriptions") == descriptions == 0

    await south.press("Thêm")
    await south.press("Ẩn hình các điểm cầu", role="menuitem")
    await expect(south.page.locator('video[data-slot="tile-1"]')).to_have_count(0)
    await until(lambda: received(south, "tile-1"), lambda packets: packets == 0, "no picture is sent that is not shown")
    assert await received(south, "stage-video") > 0
    await south.press("Thêm")
    await south.press("Hiện hình các điểm cầu", role="menuitem")
    await south.sees("tile-1", RED)


COUNTED = """
() => {
  const native = RTCPeerConnection.prototype.setRemoteDescription
  window.descriptions = 0
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    window.descriptions += 1
    return native.call(this, description)
  }
  return window.descriptions
}
"""
"""Counts negotiations from here on."""


async def test_the_chair_sees_every_camera_page_by_page(
    product: Product, playwright: Playwright, tmp_path: Path
) -> None:
    assert product.first_link is not None
    office = await asyncio.to_thread(Office.found, product.url, product.first_link)
    await asyncio.to_thread(office.convene, (CHAIR, *COMMUNES, *WARDS))
    film = await asyncio.to_thread(smaller, RED)
    async with AsyncExitStack() as stack:
        chair = await stack.enter_async_context(guest(playwright, "chair", BLUE, tmp_path))
        others = await stack.enter_async_context(guest(playwright, "others", RED, tmp_path, film=film))
        await chair.join(office.tickets[CHAIR])
        pages = [await others.browser.new_page() for _ in (*COMMUNES, *WARDS)]
        await asyncio.gather(
            *(take_seat(page, office.tickets[seat]) for page, seat in zip(pages, (*COMMUNES, *WARDS), strict=True))
        )
        strip = chair.page.get_by_role("group", name="Các điểm cầu khác")
        await expect(strip.get_by_text("Trang 1/2")).to_be_visible()
        await shows(chair.page, COMMUNES)

        await chair.press("Trang sau")
        await expect(strip.get_by_text("Trang 2/2")).to_be_visible()
        await shows(chair.page, WARDS)
        await chair.sees("tile-1", RED)
        await expect(chair.page.get_by_role("button", name="Trang sau")).to_have_attribute("aria-disabled", "true")

        await chair.page.get_by_role("button", name="Trang sau").press("Home")
        await shows(chair.page, COMMUNES)
        await strip.hover()
        await chair.page.mouse.wheel(0, 120)
        await shows(chair.page, WARDS)


async def take_seat(page: Page, ticket: str) -> None:
    await page.goto(ticket)
    await page.get_by_role("checkbox", name="Tôi đã được thông báo việc ghi hình").check()
    await page.get_by_role("button", name="Vào họp", exact=True).click()


async def shows(page: Page, seats: tuple[Seat, ...]) -> None:
    """The strip has pictures of these sites and of nobody else."""
    units = sorted(seat.unit for seat in seats)
    await until(lambda: page.evaluate(PICTURED), lambda names: sorted(names) == units, f"the strip shows {units}")


PICTURED = """
() => [...document.querySelectorAll(".tiles .tile")]
  .filter((tile) => tile.querySelector("video").dataset.site)
  .map((tile) => tile.querySelector(".name").innerText)
"""
"""The names on the tiles that the relay feeds."""
