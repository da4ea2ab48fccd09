"""A meeting of its own in a running product, for visitors by the doors WHIP and WHEP, and for browsers beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from signaling_live import Browser
from visitors import Client, encoder, player

from bench.office import CHAIR, CLERK, NORTH, SOUTH, Seat
from bench.product import Product

SEATS = (CHAIR, CLERK, NORTH, SOUTH, Seat("Đoàn giám sát", "Lê Thị Quan", "observer"))
OBSERVER = SEATS[-1]


@dataclass
class Gathering:
    """A meeting of its own, by the tickets of its seats; what is opened here is closed at the end."""

    product: Product
    tickets: dict[Seat, str]
    stack: AsyncExitStack

    async def sending(self, seat: Seat, **parts: int) -> Client:
        """An encoder whose media flow."""
        return await self._admitted(self.encoder(seat, **parts))

    async def watching(self, seat: Seat, **parts: int) -> Client:
        """A player whose media flow."""
        return await self._admitted(self.player(seat, **parts))

    def encoder(self, seat: Seat, **parts: int) -> Client:
        return self._kept(encoder(self.product.url, self.tickets[seat], **parts))

    def player(self, seat: Seat, **parts: int) -> Client:
        return self._kept(player(self.product.url, self.tickets[seat], **parts))

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def browser(self, seat: Seat) -> Browser:
        """A browser's socket, entered and without media."""
        browser = Browser(self.product.url)
        self.stack.push_async_callback(browser.close)
        await browser.connect({"ticket": self.tickets[seat]})
        said = await browser.enter(rtp_capabilities={"codecs": []})
        assert "ok" in said, said
        return browser

    async def sites(self, browser: Browser) -> dict[str, dict[str, Any]]:
        """The roster as this browser sees it, by the name on the plate."""
        snapshot = (await browser.call("resync"))["ok"]
        return {site["name"]: site for site in snapshot["sites"].values()}

    async def roster(self, browser: Browser, seat: Seat, good: Callable[[dict[str, Any]], Any]) -> None:
        """Waits until the roster says so of a seat."""
        for _ in range(900):
            if good((await self.sites(browser))[seat.unit]):
                return
            await asyncio.sleep(0.1)
        raise AssertionError((await self.sites(browser))[seat.unit])

    async def _admitted(self, client: Client) -> Client:
        await client.post()
        assert client.status == 201, client.body
        await client.connected()
        return client

    def _kept(self, client: Client) -> Client:
        self.stack.push_async_callback(client.close)
        return client
