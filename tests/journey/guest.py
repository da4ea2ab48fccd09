"""One person at one site, with a Chromium of their own whose camera and microphone can be told apart."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from devices import Device, make
from playwright.async_api import Browser, Page, Playwright

from bench.join import FLAGS as QUIET_FLAGS

T = TypeVar("T")
PATIENCE = 30.0
AUDIBLE, SILENT = -60.0, -80.0
"""dBFS at the tone's frequency: heard above, not heard below."""
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


async def until(look: Callable[[], Awaitable[T]], good: Callable[[T], Any], why: str, patience: float = PATIENCE) -> T:
    """What ``look`` returns once it is good. Raises ``TimeoutError`` with the last thing seen."""
    seen: list[T] = []
    try:
        async with asyncio.timeout(patience):
            while True:
                seen.append(await look())
                if good(seen[-1]):
                    return seen[-1]
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise TimeoutError(f"{why}; last seen: {seen[-1] if seen else 'nothing'}") from None


class Guest:
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

    async def picture(self, slot: str) -> dict[str, Any] | None:
        return await self.page.evaluate("slot => window.probe.picture(slot)", slot)

    async def sees(self, slot: str, device: Device, patience: float = PATIENCE) -> None:
        """The slot shows that camera and its frames grow."""

        def like(picture: dict[str, Any] | None) -> bool:
            return picture is not None and all(
                abs(a - b) < 48 for a, b in zip(picture["colour"], device.rgb, strict=True)
            )

        first = await until(lambda: self.picture(slot), like, f"{self.name} sees {device.colour} in {slot}", patience)
        assert first
        frames = first["frames"]
        await until(
            lambda: self.picture(slot),
            lambda now: like(now) and now is not None and now["frames"] > frames + 10,
            f"frames of {slot} grow at {self.name}",
        )

    async def tones(self, devices: Sequence[Device]) -> list[float]:
        """The level of each device's tone as this site hears it, in dBFS."""
        return await self.page.evaluate("tones => window.probe.tones(tones)", [d.hertz for d in devices])

    async def hears(self, *devices: Device) -> None:
        await until(
            lambda: self.tones(devices),
            lambda levels: all(level > AUDIBLE for level in levels),
            f"{self.name} hears {[d.hertz for d in devices]}",
        )

    async def hears_nothing_of(self, device: Device, *, looks: int = 12) -> None:
        """The tone dies away and stays away for as many looks."""
        await until(
            lambda: self.tones([device]), lambda levels: levels[0] < SILENT, f"{self.name} no longer hears {device}"
        )
        for _ in range(looks):
            (level,) = await self.tones([device])
            assert level < SILENT, f"{self.name} hears {device.hertz} Hz at {level} dBFS"


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
) -> AsyncIterator[Guest]:
    """``film`` is shown by the camera in place of the device's colour."""
    coloured, tone = await asyncio.to_thread(make, device, folder)
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
