"""What browsers look at reaches the relay, and what the relay tells of it reaches the browsers, on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import socketio
from msgspec import Struct
from signaling_live import Browser, Stage, serve

from media.desk import Desk
from media.link import NAMESPACE, NOTICES
from media.messages import EncodingsWatched, SlotsShow
from media.ortc import ROUTER_CAPABILITIES
from media.port import Port

NAMES = {kind: name for name, kind in NOTICES.items()}
NOTHING_SHOWN: dict[str, str | None] = dict.fromkeys(("stage-video", "tile-1"), None)


class Overheard:
    """A relay's desk at the server's door. ``asked`` keeps the requests, ``tell`` says what a relay would notice."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._port = Port("127.0.0.1", 0)
        self._port.start()
        self._desk = Desk(self._port, lambda notice: None)
        self._client = socketio.AsyncClient(reconnection=False)
        for request in self._desk.requests:
            self._client.on(request, self._handler(request), namespace=NAMESPACE)

    def _handler(self, request: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def handle(body: dict[str, Any]) -> dict[str, Any]:
            self.asked.append((request, body))
            return msgspec.to_builtins(self._desk.handle(request, body))

        return handle

    async def connect(self, url: str) -> None:
        await self._client.connect(
            url, auth={"token": "token"}, namespaces=[NAMESPACE], transports=["websocket"], wait_timeout=30
        )
        await self.tell(self._desk.inventory())

    async def tell(self, notice: Struct) -> None:
        await self._client.emit(NAMES[type(notice)], msgspec.to_builtins(notice), namespace=NAMESPACE)

    def looks(self, endpoint: str) -> list[dict[str, Any]]:
        return [body for request, body in self.asked if request == "look" and body["endpoint"] == endpoint]

    async def close(self) -> None:
        await self._client.shutdown()
        self._desk.close()
        self._port.close()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with serve(tmp_path) as stage:
        yield stage


@pytest.fixture
async def relay(stage: Stage) -> AsyncIterator[Overheard]:
    relay = Overheard()
    await relay.connect(stage.url)
    await until(lambda: stage.relays.available)
    yield relay
    await relay.close()


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not happened():
            await asyncio.sleep(0.01)


async def seated(stage: Stage, name: str, **changes: Any) -> tuple[Browser, str]:
    """The browser and its endpoint."""
    browser = await stage.browser(name)
    entered = (await browser.enter(rtp_capabilities=ROUTER_CAPABILITIES, **changes))["ok"]
    return browser, entered["media"]["endpoint"]


async def test_a_page_of_the_strip_and_the_sizes_reach_the_relay_as_endpoints(stage: Stage, relay: Overheard) -> None:
    north, endpoint = await seated(stage, "north")
    _, chair = await seated(stage, "chair")
    _, south = await seated(stage, "south")
    before = await stage.log()
    view = {"endpoint": endpoint, "sites": ["south", "nobody", "chair"], "stage_height": 450, "tile_height": 90}
    assert await north.call("look", view) == {"ok": {}}
    await until(lambda: relay.looks(endpoint))
    assert relay.looks(endpoint) == [
        {"router": "m", "endpoint": endpoint, "tiles": [south, chair], "stage_height": 450, "tile_height": 90}
    ]
    assert await stage.log() == before, "what one browser looks at is not of the meeting's record"

    _, returned = await seated(stage, "south")
    assert returned != south
    await until(lambda: relay.looks(endpoint)[-1]["tiles"] == [returned, chair])


async def test_a_look_is_refused_for_media_that_the_site_does_not_hold(stage: Stage, relay: Overheard) -> None:
    north, endpoint = await seated(stage, "north")
    south, _ = await seated(stage, "south")
    assert (await south.call("look", {"endpoint": endpoint}))["error"]["code"] == "media_unavailable"
    assert (await north.call("look", {"endpoint": endpoint, "tile_height": -90}))["error"]["code"] == "invalid"
    assert (await north.call("look", {"endpoint": endpoint, "sites": ["s"] * 17}))["error"]["code"] == "invalid"
    assert not relay.looks(endpoint)


async def test_what_a_dropped_endpoint_looked_at_is_forgotten(stage: Stage, relay: Overheard) -> None:
    north, endpoint = await seated(stage, "north")
    await north.call("look", {"endpoint": endpoint, "tile_height": 0})
    await until(lambda: relay.looks(endpoint))
    again = (await north.enter(rtp_capabilities=ROUTER_CAPABILITIES))["ok"]["media"]["endpoint"]
    await north.call("look", {"endpoint": again, "tile_height": 180})
    await until(lambda: relay.looks(again))
    assert len(relay.looks(endpoint)) == 1


async def test_only_the_sender_is_told_which_of_its_encodings_are_watched(stage: Stage, relay: Overheard) -> None:
    north, endpoint = await seated(stage, "north")
    south, _ = await seated(stage, "south")
    await relay.tell(EncodingsWatched("m", endpoint, "camera", ("r0", "r2")))
    told = await north.until("send_encodings")
    assert told == {"kind": "send_encodings", "source": "camera", "rids": ["r0", "r2"]}
    await relay.tell(EncodingsWatched("m", "north.another", "camera", ()))
    await relay.tell(EncodingsWatched("elsewhere", endpoint, "camera", ()))
    await relay.tell(EncodingsWatched("m", endpoint, "camera", ("r0",)))
    await until(lambda: len(north.heard("send_encodings")) == 2)
    assert north.heard("send_encodings")[1]["rids"] == ["r0"]
    assert not south.heard("send_encodings")


async def test_a_browser_that_comes_back_to_its_media_is_told_again(stage: Stage, relay: Overheard) -> None:
    north, endpoint = await seated(stage, "north")
    await relay.tell(EncodingsWatched("m", endpoint, "camera", ("r0",)))
    await north.until("send_encodings")
    await north.close()
    back = await stage.browser("north")
    assert (await back.enter(rtp_capabilities=ROUTER_CAPABILITIES, resume=True, endpoint=endpoint))["ok"]["resumed"]
    assert (await back.until("send_encodings"))["rids"] == ["r0"]

    await back.call("close_producer", {"source": "camera"})
    again = await stage.browser("north")
    assert (await again.enter(rtp_capabilities=ROUTER_CAPABILITIES, resume=True, endpoint=endpoint))["ok"]["resumed"]
    await relay.tell(SlotsShow("m", (endpoint,), NOTHING_SHOWN))
    await again.until("slot_changed")
    assert not again.heard("send_encodings"), "the producer of which it was told is no more"


async def test_alike_slots_are_told_to_all_who_have_them_in_one_letter(
    stage: Stage, relay: Overheard, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, one = await seated(stage, "north")
    south, two = await seated(stage, "south")
    chair, _ = await seated(stage, "chair")
    post = stage.hall.post
    deliver, sent = post.deliver, list[object]()

    async def counted(to: str | list[str], posted: Any) -> None:
        if any(message.__struct_config__.tag == "slot_changed" for message in posted.messages):
            sent.append(to)
        await deliver(to, posted)

    monkeypatch.setattr(post, "deliver", counted)
    await relay.tell(SlotsShow("m", (one, two, "south.gone"), {**NOTHING_SHOWN, "stage-video": "chair.1"}))
    for browser in (north, south):
        assert (await browser.until("slot_changed"))["slots"] == {"stage-video": "chair", "tile-1": None}
    assert len(sent) == 1
    assert not chair.heard("slot_changed")
