"""Stock Firefox takes part, as an office behind a line of its own, in a meeting that somebody chairs in Chromium."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from devices import BLUE
from firefox import BRIGHTNESS, DEVICE, Firefox, brightness, firefox
from guest import Guest, guest
from hall import meeting
from onlooker import Onlooker, until
from playwright.async_api import async_playwright

from bench.office import CHAIR, NORTH
from tests.net.bed import Bed
from tests.net.line import CLEAN, Line
from tests.net.site import Site

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="module")]
Picture = dict[str, Any] | None


@dataclass
class Scene:
    """The chair sits in an open meeting; Firefox runs at ``site`` and has ``ticket``."""

    chair: Guest
    north: Firefox
    site: Site
    ticket: str

    async def comes_in(self) -> str:
        """Firefox sees and hears the chair, and is seen. Gives the chair's site id."""
        await self.north.join(self.ticket)

        async def takes_in() -> None:
            await self.north.sees("stage-video", BLUE)
            await self.north.hears("stage-audio")

        await asyncio.gather(takes_in(), self.chair_sees("tile-1"))
        return (await self.north.picture("stage-video") or {})["site"]

    async def goes(self) -> None:
        await self.north.press("Rời họp")
        await self.chair.page.get_by_text("Có mặt 1/3").first.wait_for()
        assert await self.north.do("complaints") == []
        assert self.chair.complaints == []

    async def chair_sees(self, slot: str) -> None:
        """The camera of Firefox: of its brightness, and of a colour that wanders."""

        def bright(picture: Picture) -> bool:
            return picture is not None and abs(brightness(picture["colour"]) - BRIGHTNESS) < 30

        def wandered(picture: Picture) -> bool:
            return picture is not None and any(
                abs(now - then) > 20 for now, then in zip(picture["colour"], first, strict=True)
            )

        seen = await until(lambda: self.chair.picture(slot), bright, f"the chair sees Firefox in {slot}")
        first: list[float] = seen["colour"] if seen else []
        await until(lambda: self.chair.picture(slot), wandered, f"the colour in {slot} wanders")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Scene]:
    folder = tmp_path_factory.mktemp("firefox")
    async with AsyncExitStack() as stack:
        bed = stack.enter_context(Bed("north"))
        office = await stack.enter_async_context(meeting(folder, host=bed.address, place=bed.centre))
        with bed.centre.entered():
            playwright = await stack.enter_async_context(async_playwright())
        chair = await stack.enter_async_context(guest(playwright, "chair", BLUE, folder))
        north = await stack.enter_async_context(firefox("north", folder, bed.sites["north"].namespace))
        await chair.join(office.tickets[CHAIR])
        await chair.press("Khai mạc")
        yield Scene(chair, north, bed.sites["north"], office.tickets[NORTH])


async def slot_shows(onlooker: Onlooker, slot: str, site: str) -> None:
    def shows(picture: Picture) -> bool:
        return picture is not None and picture["site"] == site

    await until(lambda: onlooker.picture(slot), shows, f"{slot} shows {site}")


async def test_firefox_sees_hears_is_seen_and_heard_and_its_slots_follow_the_floor(scene: Scene) -> None:
    chair, north = scene.chair, scene.north
    the_chair = await scene.comes_in()
    before = await north.negotiations()
    assert before["states"] == ["stable", "stable"], "one connection to receive, one to send"

    await north.press("Đăng ký phát biểu")
    await chair.press("Mời nói: UBND xã Hương Sơn")
    await slot_shows(north, "tile-1", the_chair)
    await asyncio.gather(scene.chair_sees("stage-video"), north.sees("tile-1", BLUE))
    await chair.hears(DEVICE)

    await chair.press("Dừng phát biểu")
    await chair.hears_nothing_of(DEVICE, looks=4)
    await slot_shows(north, "stage-video", the_chair)
    await north.sees("stage-video", BLUE)
    await north.hears("stage-audio")
    assert await north.negotiations() == before, "a slot changes whom it shows without a negotiation"
    await scene.goes()


async def test_firefox_takes_part_by_tcp_where_a_firewall_lets_no_udp_through(scene: Scene) -> None:
    scene.site.change(Line(blocked="udp"))
    await scene.comes_in()
    await scene.goes()
    scene.site.change(CLEAN)
