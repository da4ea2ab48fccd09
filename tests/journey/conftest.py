from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from assembly import Assembly
from devices import BLUE, GREEN, RED
from guest import guest
from onlooker import PATIENCE
from playwright.async_api import Playwright, async_playwright, expect

from bench.office import CHAIR, NORTH, SOUTH, Office
from bench.product import Product

expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as running:
        yield running


@pytest.fixture
async def product(tmp_path: Path) -> AsyncIterator[Product]:
    running = Product(tmp_path / "var")
    await asyncio.to_thread(running.wait_ready)
    yield running
    status = await asyncio.to_thread(running.stop)
    assert status == 0, "\n".join(running.output)
    assert not [line for line in running.output if "Traceback" in line], "\n".join(running.output)


@pytest.fixture
async def assembly(product: Product, playwright: Playwright, tmp_path: Path) -> AsyncIterator[Assembly]:
    assert product.first_link is not None
    office = await asyncio.to_thread(Office.found, product.url, product.first_link)
    await asyncio.to_thread(office.convene, (CHAIR, NORTH, SOUTH))
    async with AsyncExitStack() as stack:
        chair, north, south = [
            await stack.enter_async_context(guest(playwright, name, device, tmp_path))
            for name, device in (("chair", BLUE), ("north", RED), ("south", GREEN))
        ]
        for each, seat in ((chair, CHAIR), (north, NORTH), (south, SOUTH)):
            await each.join(office.tickets[seat])
        await chair.press("Khai mạc")
        await north.sees("stage-video", BLUE)
        await south.sees("stage-video", BLUE)
        yield Assembly(product, office, chair, north, south)
        for each in (chair, north, south):
            assert each.complaints == []
