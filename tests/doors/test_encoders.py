"""FFmpeg's WHIP muxer, as it is: H.264, an offer that insists on being the DTLS server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import imageio_ffmpeg
from gathering import Gathering
from visitors import hears, sees, until

from bench.office import CHAIR, NORTH


@asynccontextmanager
async def ffmpeg(url: str, ticket: str, *, grey: int, hertz: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A grey picture and a tone, in real time; ended as by Ctrl+C."""
    picture = f"color=c=0x{grey:02x}{grey:02x}{grey:02x}:s=320x180:r=15"
    encoder = ["-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15"]
    sound = ["-c:a", "libopus", "-ar", "48000", "-ac", "2", "-b:a", "48k"]
    process = await asyncio.create_subprocess_exec(
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "warning", "-re", "-f", "lavfi", "-i", picture),
        *("-re", "-f", "lavfi", "-i", f"sine=frequency={hertz}:sample_rate=48000"),
        *(*encoder, "-pix_fmt", "yuv420p", *sound),
        *("-f", "whip", "-authorization", ticket, f"{url}/whip"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def test_ffmpeg_sends_into_the_meeting_and_leaves_it(gathering: Gathering) -> None:
    clerk = await gathering.browser(CHAIR)
    viewer = await gathering.watching(CHAIR, sounds=3)
    async with ffmpeg(gathering.product.url, gathering.tickets[NORTH], grey=90, hertz=880) as process:
        await gathering.roster(clerk, NORTH, lambda site: site["presence"] == "seated")
        north = (await gathering.sites(clerk))[NORTH.unit]
        assert "ok" in await clerk.act("open_meeting")
        assert "ok" in await clerk.act("give_floor", site=north["id"])
        await until(lambda: hears(viewer, 880), "FFmpeg's tone")
        await until(lambda: sees(viewer, 90), "FFmpeg's picture")
        assert process.returncode is None
    await gathering.roster(clerk, NORTH, lambda site: site["presence"] == "absent")
