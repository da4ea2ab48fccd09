"""Stock Firefox as a site of a meeting: the Debian package, unmodified, with its own fake camera and microphone."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from devices import Device
from node import HERE, NODE, install
from onlooker import PATIENCE, Onlooker, until

from tests.net.namespace import Namespace

DEVICE = Device("0x808080", 440)
"""Its camera shows one colour that wanders, at an even brightness; its microphone gives one tone."""
BRIGHTNESS = 128
PREFERENCES: dict[str, Any] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.navigator.audio.fake_frequency": DEVICE.hertz,
    "intl.accept_languages": "vi-VN,vi",
    "network.manage-offline-status": True,
}
"""Devices in place of hardware, *Cho phép* pressed beforehand, Vietnamese. Autoplay, hidden host addresses and notice
of the network are as every user has them. Firefox never speaks to a loopback address by WebRTC: it sits at a site with
an address of its own."""
SCRIPTS = (HERE.parent / "journey" / "probe.js", HERE / "negotiations.js")
LONGEST_ANSWER = 1 << 24
AUDIBLE = 1e-4
"""Of ``totalAudioEnergy``: what a quiet voice makes in a second."""


class FirefoxError(Exception):
    """A command failed; the text is the driver's."""


class Firefox(Onlooker):
    """One page of one Firefox. Commands go one at a time to the driver, which speaks WebDriver BiDi."""

    def __init__(self, name: str, driver: asyncio.subprocess.Process) -> None:
        self.name = name
        self._driver = driver

    async def launch(self, profile: Path, size: tuple[int, int]) -> str:
        """Gives the browser's name and version. Raises ``FirefoxError``."""
        return await self._send(
            executable="/usr/bin/firefox-esr",
            profile=str(profile),
            preferences=PREFERENCES,
            width=size[0],
            height=size[1],
            scripts=[script.read_text() for script in SCRIPTS],
        )

    async def do(self, act: str, **facts: Any) -> Any:
        """Raises ``FirefoxError``."""
        return await self._send(do=act, **facts)

    async def evaluate(self, body: str, argument: object = None) -> Any:
        """``body`` is a JavaScript function of one argument."""
        return await self.do("evaluate", body=body, argument=argument)

    async def press(self, name: str, role: str = "button") -> None:
        await self.do("press", role=role, name=name)

    async def join(self, ticket: str) -> None:
        """From the personal link to the seat, by the buttons of the join page."""
        await self.do("goto", address=ticket)
        await self.press("Tôi đã được thông báo việc ghi hình", role="checkbox")
        await self.press("Cho phép chủ trì mở micro khi mời tôi phát biểu", role="checkbox")
        await self.press("Vào họp")

    async def probe(self, function: str, argument: object) -> Any:
        return await self.evaluate(f"argument => window.probe.{function}(argument)", argument)

    async def stats(self) -> dict[str, Any]:
        """What the page itself measures of its media."""
        return await self.evaluate("() => window.nghisu.stats()")

    async def hears(self, slot: str) -> None:
        """Sound comes out of the decoder of that slot. (Without a sound card Firefox runs no ``AudioContext``.)"""

        async def energy() -> float:
            return (await self.stats())["slots"][slot].get("totalAudioEnergy", 0.0)

        before = await energy()
        await until(energy, lambda now: now > before + AUDIBLE, f"{self.name} hears {slot}")

    async def negotiations(self) -> dict[str, Any]:
        return await self.evaluate("() => window.negotiations()")

    async def _send(self, **command: Any) -> Any:
        assert self._driver.stdin
        assert self._driver.stdout
        self._driver.stdin.write(json.dumps(command).encode() + b"\n")
        line = await asyncio.wait_for(self._driver.stdout.readline(), 2 * PATIENCE)
        answer = json.loads(line or b'{"error": "the driver has ended"}')
        if "error" in answer:
            raise FirefoxError(answer["error"])
        return answer["ok"]


@asynccontextmanager
async def firefox(
    name: str, folder: Path, place: Namespace, *, size: tuple[int, int] = (1366, 768)
) -> AsyncGenerator[Firefox]:
    """Runs until the block ends, in a home and a profile of its own. Leaves a picture behind when the block fails."""
    await asyncio.to_thread(install)
    home = folder / f"{name}-home"
    home.mkdir()
    with place.entered():
        driver = await asyncio.create_subprocess_exec(
            NODE,
            HERE / "firefox.mjs",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_ANSWER,
            env={**os.environ, "HOME": str(home), "TZ": "Asia/Ho_Chi_Minh"},
        )
    fox = Firefox(name, driver)
    try:
        await fox.launch(home / "profile", size)
        try:
            yield fox
        except BaseException:
            await fox.do("shot", path=str(folder / f"{name}.png"))
            raise
    finally:
        assert driver.stdin
        driver.stdin.close()
        try:
            await asyncio.wait_for(driver.wait(), PATIENCE)
        except TimeoutError:
            driver.terminate()
            await driver.wait()


def brightness(colour: list[float]) -> float:
    """Of a mean colour in sRGB, as BT.601 weighs it: 0 to 255."""
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue
