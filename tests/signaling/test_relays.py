"""What browsers are told when relays come and go, on a real server with real relays."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from signaling_live import Browser, Stage, fill, relaying, serve, ticket

from media.ortc import ROUTER_CAPABILITIES

HERE = {"rtp_capabilities": ROUTER_CAPABILITIES}


@pytest.fixture(autouse=True)
def untouched_collector() -> Iterator[None]:
    """A relay tunes the garbage collector of its process; a test's process gets its own settings back."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not happened():
            await asyncio.sleep(0.01)


async def entered(browser: Browser, **changes: Any) -> dict[str, Any]:
    """The media offer of entering."""
    return (await browser.enter(**HERE, **changes))["ok"]["media"]


async def visitor(stage: Stage, name: str) -> Browser:
    meeting = "other" if name.startswith("other-") else "m"
    return await stage.browser(name, ticket=ticket(name, meeting=meeting))


def port_of(media: dict[str, Any]) -> int:
    return media["receive"]["iceCandidates"][0]["port"]


async def test_a_relay_that_dies_moves_its_meetings_at_once_and_the_others_do_not_notice(tmp_path: Path) -> None:
    async with serve(tmp_path, expected_relays=2) as stage:
        await fill(stage.database, meeting="other", before="other-")
        async with relaying(stage):
            async with relaying(stage, 1):
                await until(lambda: stage.relays.available)
                quiet = await visitor(stage, "north")
                stays = await entered(quiet)
                chair, south = [await visitor(stage, name) for name in ("other-chair", "other-south")]
                before = [await entered(chair), await entered(south)]
                assert port_of(before[0]) == port_of(before[1]) != port_of(stays)
            for browser in (chair, south):
                await browser.until("media_lost")
                await browser.until("media_ready")
            after = [await entered(chair), await entered(south)]
            assert [port_of(media) for media in after] == [port_of(stays)] * 2
            assert {media["endpoint"] for media in after}.isdisjoint(media["endpoint"] for media in before)
            async with relaying(stage, 1):
                await until(lambda: stage.relays.relays == 2)
                for browser in (chair, south):
                    told = [message["kind"] for posted in browser.letters for message in posted["messages"]]
                    assert told.count("media_lost") == told.count("media_ready") == 1
                    assert told.index("media_lost") < told.index("media_ready")
                assert not quiet.heard("media_lost")
                assert not quiet.heard("media_ready")
                again = await quiet.call("connect_media", {})
                assert "ok" in again, "its media are where they were"


async def test_without_another_relay_the_seats_wait_for_its_return(tmp_path: Path) -> None:
    async with serve(tmp_path) as stage:
        async with relaying(stage):
            await until(lambda: stage.relays.available)
            north = await stage.browser("north")
            before = await entered(north)
        await north.until("media_lost")
        assert not north.heard("media_ready")
        assert await entered(north) is None
        async with relaying(stage):
            await north.until("media_ready")
            after = await entered(north)
            assert after["endpoint"] != before["endpoint"]
            assert len(north.heard("media_ready")) == 1


async def test_media_survive_a_restart_of_the_server_on_whichever_relay_they_are(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with serve(tmp_path, expected_relays=2) as stage:
            port = int(stage.url.rpartition(":")[2])
            for number in (0, 1):
                await stack.enter_async_context(relaying(stage, number))
            await until(lambda: stage.relays.available)
            await fill(stage.database, meeting="other", before="other-")
            media = {name: await entered(await visitor(stage, name)) for name in ("north", "other-north")}
            assert port_of(media["north"]) != port_of(media["other-north"])
            homes = {**stage.relays.span("m").homes, **stage.relays.span("other").homes}
        async with serve(tmp_path, fresh=False, expected_relays=2, port=port) as stage:
            for name, before in media.items():
                browser = await visitor(stage, name)
                back = await browser.enter(resume=True, endpoint=before["endpoint"], **HERE)
                assert back["ok"]["resumed"] is True
            await until(lambda: stage.relays.available)
            assert {**stage.relays.span("m").homes, **stage.relays.span("other").homes} == homes
            assert not any(browser.heard("media_ready") for browser in stage.browsers)
