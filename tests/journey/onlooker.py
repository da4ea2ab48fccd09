"""What somebody at a site sees and hears, whichever browser they have."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from devices import Device

T = TypeVar("T")
PATIENCE = 90.0
AUDIBLE, SILENT = -60.0, -80.0
"""dBFS at the tone's frequency: heard above, not heard below."""


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


class Onlooker(ABC):
    """``probe`` calls one function of ``probe.js`` in the page that this person looks at."""

    name: str

    @abstractmethod
    async def probe(self, function: str, argument: object) -> Any: ...

    async def picture(self, slot: str) -> dict[str, Any] | None:
        return await self.probe("picture", slot)

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


class Listener(Onlooker):
    """Whose browser can tell tones apart: it needs a sound card, or one that it makes up."""

    async def tones(self, devices: Sequence[Device]) -> list[float]:
        """The level of each device's tone as this site hears it, in dBFS."""
        return await self.probe("tones", [device.hertz for device in devices])

    async def hears(self, *devices: Device) -> None:
        await until(
            lambda: self.tones(devices),
            lambda levels: all(level > AUDIBLE for level in levels),
            f"{self.name} hears {[device.hertz for device in devices]}",
        )

    async def hears_nothing_of(self, device: Device, *, looks: int = 12) -> None:
        """The tone dies away and stays away for as many looks."""
        await until(
            lambda: self.tones([device]), lambda levels: levels[0] < SILENT, f"{self.name} no longer hears {device}"
        )
        for _ in range(looks):
            (level,) = await self.tones([device])
            assert level < SILENT, f"{self.name} hears {device.hertz} Hz at {level} dBFS"
