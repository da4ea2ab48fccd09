"""How a browser is helped to find its path to the relay, on a real server with a real relay."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from signaling_live import Browser, Stage, now, relaying, serve

from media.ortc import ROUTER_CAPABILITIES
from signaling.turn import Turn, password

TURN = Turn(("turns:turn.example:443?transport=tcp",), b"secret")


@pytest.fixture(autouse=True)
def untouched_collector() -> Iterator[None]:
    """A relay tunes the garbage collector of its process; a test's process gets its own settings back."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with serve(tmp_path, turn=TURN) as stage:
        yield stage


async def entered(browser: Browser, **changes: Any) -> dict[str, Any]:
    return (await browser.enter(rtp_capabilities=ROUTER_CAPABILITIES, **changes))["ok"]


async def test_new_ice_parameters_are_given_for_the_media_that_a_site_has(stage: Stage) -> None:
    async with relaying(stage):
        async with asyncio.timeout(60):
            while not stage.relays.available:
                await asyncio.sleep(0.01)
        north, guest = await stage.browser("north"), await stage.browser("guest")
        media = (await entered(north))["media"]
        made = (await north.call("restart_ice", {"endpoint": media["endpoint"]}))["ok"]
        for direction in ("receive", "send"):
            before = media[direction]["iceParameters"]
            assert made[direction]["iceLite"] is True
            assert made[direction]["usernameFragment"] != before["usernameFragment"]
            assert made[direction]["password"] != before["password"]
        assert (await north.call("restart_ice", {"endpoint": media["endpoint"]}))["ok"]["receive"] == made["receive"]

        listens = (await entered(guest, listen_only=True))["media"]
        made = (await guest.call("restart_ice", {"endpoint": listens["endpoint"]}))["ok"]
        assert made["send"] is None
        refused = await guest.call("restart_ice", {"endpoint": media["endpoint"]})
        assert refused["error"]["code"] == "media_unavailable", "another site's media"

        again = await entered(north, resume=True, endpoint=media["endpoint"])
        assert again["resumed"] is True


async def test_without_media_there_is_nothing_to_restart(stage: Stage) -> None:
    north = await stage.browser("north")
    assert (await north.call("restart_ice", {"endpoint": "north.1"}))["error"]["code"] == "not_entered"
    await entered(north)
    assert (await north.call("restart_ice", {"endpoint": "north.1"}))["error"]["code"] == "media_unavailable"
    assert (await north.call("restart_ice", {}))["error"]["code"] == "invalid"


async def test_turn_servers_come_with_credentials_of_the_site_and_its_hours(stage: Stage) -> None:
    async with relaying(stage):
        async with asyncio.timeout(60):
            while not stage.relays.available:
                await asyncio.sleep(0.01)
        north = await stage.browser("north")
        media = (await entered(north))["media"]
        made = (await north.call("restart_ice", {"endpoint": media["endpoint"]}))["ok"]
        for given in (media, made):
            (server,) = given["ice_servers"]
            assert server["urls"] == list(TURN.urls)
            ends, _, site = server["username"].partition(":")
            assert site == "north"
            assert 0 < int(ends) - now().timestamp() <= 6 * 3600
            assert server["credential"] == password(b"secret", server["username"])
