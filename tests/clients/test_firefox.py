"""Stock Firefox takes part in a meeting that somebody chairs in Chromium."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from devices import BLUE
from firefox import BRIGHTNESS, DEVICE, brightness, firefox
from guest import Guest, guest
from hall import meeting
from onlooker import Onlooker, until
from playwright.async_api import async_playwright

from bench.office import CHAIR, NORTH
from tests.net.bed import Bed

Picture = dict[str, Any] | None
pytestmark = pytest.mark.journey


async def test_firefox_joins_sees_hears_is_seen_and_heard_and_follows_the_floor(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        bed = stack.enter_context(Bed("north"))
        office = await stack.enter_async_context(meeting(tmp_path, host=bed.address, place=bed.centre))
        with bed.centre.entered():
            playwright = await stack.enter_async_context(async_playwright())
        chair = await stack.enter_async_context(guest(playwright, "chair", BLUE, tmp_path))
        north = await stack.enter_async_context(firefox("north", tmp_path, bed.sites["north"].namespace))

        await chair.join(office.tickets[CHAIR])
        await chair.press("Khai mạc")
        await north.join(office.tickets[NORTH])
        await north.sees("stage-video", BLUE)
        await north.hears("stage-audio")
        await chair_sees(chair, "tile-1")
        before = await north.negotiations()
        assert before["states"] == ["stable", "stable"], "one connection to receive, one to send"
        the_chair = (await north.picture("stage-video") or {})["site"]

        await north.press("Đăng ký phát biểu")
        await chair.press("Mời nói: UBND xã Hương Sơn")
        await chair_sees(chair, "stage-video")
        await chair.hears(DEVICE)
        await slot_shows(north, "tile-1", the_chair)
        await north.sees("tile-1", BLUE)

        await chair.press("Dừng phát biểu")
        await chair.hears_nothing_of(DEVICE, looks=4)
        await slot_shows(north, "stage-video", the_chair)
        await north.sees("stage-video", BLUE)
        await north.hears("stage-audio")
        assert await north.negotiations() == before, "a slot changes whom it shows without a negotiation"

        await north.press("Rời họp")
        await chair.page.get_by_text("Có mặt 1/3").first.wait_for()
        assert await north.do("complaints") == []
        assert chair.complaints == []


async def slot_shows(onlooker: Onlooker, slot: str, site: str) -> None:
    def shows(picture: Picture) -> bool:
        return picture is not None and picture["site"] == site

    await until(lambda: onlooker.picture(slot), shows, f"{slot} shows {site}")


async def chair_sees(chair: Guest, slot: str) -> None:
    """The camera of Firefox: of its brightness, and of a colour that wanders."""

    def bright(picture: Picture) -> bool:
        return picture is not None and abs(brightness(picture["colour"]) - BRIGHTNESS) < 30

    def wandered(picture: Picture) -> bool:
        return picture is not None and any(
            abs(now - then) > 20 for now, then in zip(picture["colour"], first, strict=True)
        )

    seen = await until(lambda: chair.picture(slot), bright, f"the chair sees Firefox in {slot}")
    first: list[float] = seen["colour"] if seen else []
    await until(lambda: chair.picture(slot), wandered, f"the colour in {slot} wanders")
