"""One person at one site, with a Chromium of their own whose camera and microphone can be told apart."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from devices import Device, make
from onlooker import PATIENCE, Listener
from playwright.async_api import Browser, Page, Playwright

from bench.join import FLAGS as QUIET_FLAGS

FLAGS = (*QUIET_FLAGS, "--auto-select-desktop-capture-source=Entire screen")
PATCHED = """
Object.defineProperty(MediaStreamTrack.prototype, "enabled", { get: () => true, set: () => {} })
MediaStreamTrack.prototype.stop = () => {}
const replace = RTCRtpSender.prototype.replaceTrack
RTCRtpSender.prototype.replaceTrack = function (track) { return track ? replace.call(this, track) : Promise.resolve() }
"""
"""A client that keeps sending whatever its own page says."""


NAMED = """
const label = Object.getOwnPropertyDescriptor(MediaDeviceInfo.prototype, "label").get
Object.defineProperty(MediaDeviceInfo.prototype, "label", {
  get() { return label.call(this).includes("/") ? "Camera phòng họp" : label.call(this) },
})
"""
"""Chromium names a fake camera after its file; a picture shows the name that a camera has."""


class Guest(Listener):
    """``page`` is what the person looks at. ``complaints`` keeps what the page's console called an error."""

    def __init__(self, name: str, device: Device, browser: Browser, page: Page) -> None:
        self.name, self.device, self.browser, self.page = name, device, browser, page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def press(self, name: str | re.Pattern[str], role: Any = "button") -> None:
        """By the whole name, or by a pattern that it matches."""
        button = self.page.get_by_role(role, name=name, exact=isinstance(name, str)).first
        await button.click(timeout=PATIENCE * 1000)

    async def join(self, ticket: str, *, consent: bool = True) -> None:
        """From the personal link to the seat or the lobby, by the buttons of the join page."""
        await self.page.goto(ticket)
        await self.take_seat(consent=consent)

    async def take_seat(self, *, consent: bool = True) -> None:
        """On the join page."""
        await self.page.get_by_role("checkbox", name="Tôi đã được thông báo việc ghi hình").check()
        box = self.page.get_by_role("checkbox", name="Cho phép chủ trì mở micro")
        if await box.count():
            await box.set_checked(consent)
        await self.press("Vào họp")

    async def probe(self, function: str, argument: object) -> Any:
        return await self.page.evaluate(f"argument => window.probe.{function}(argument)", argument)


@asynccontextmanager
async def guest(
    playwright: Playwright,
    name: str,
    device: Device,
    folder: Path,
    *,
    patched: bool = False,
    film: Path | None = None,
    size: tuple[int, int] = (1366, 768),
) -> AsyncGenerator[Guest]:
    """``film`` is shown by the camera in place of the device's colour."""
    coloured, tone = await asyncio.to_thread(make, device)
    browser = await playwright.chromium.launch(
        executable_path="/usr/bin/chromium",
        args=[
            *FLAGS,
            f"--use-file-for-fake-video-capture={film or coloured}",
            f"--use-file-for-fake-audio-capture={tone}",
        ],
    )
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale="vi-VN",
        timezone_id="Asia/Ho_Chi_Minh",
        ignore_https_errors=True,
    )
    context.set_default_timeout(PATIENCE * 1000)
    await context.add_init_script(path=Path(__file__).with_name("probe.js"))
    await context.add_init_script(NAMED)
    if patched:
        await context.add_init_script(PATCHED)
    page = await context.new_page()
    try:
        yield Guest(name, device, browser, page)
    except BaseException:
        await page.screenshot(path=folder / f"{name}.png")
        raise
    finally:
        await browser.close()
