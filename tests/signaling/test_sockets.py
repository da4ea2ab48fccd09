"""The sockets write at once and in order, and cut off who does not read: pins on what the libraries do not promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import socketio
from aiohttp import WSMsgType, web

from signaling import sockets
from signaling.sockets import Server, framed

HOUSE = "/house"


class House(socketio.AsyncNamespace):
    """Everybody enters one room; ``mixed`` tells in turn one's own socket and the room."""

    def __init__(self) -> None:
        super().__init__(HOUSE)
        self.sids: list[str] = []
        self.gone = asyncio.Event()

    async def on_connect(self, sid: str, environ: Any, auth: Any) -> None:
        self.sids.append(sid)

    async def on_disconnect(self, sid: str, reason: str) -> None:
        self.sids.remove(sid)
        self.gone.set()

    async def on_enter(self, sid: str, data: Any = None) -> str:
        await self.enter_room(sid, "all")
        return "in"

    async def on_mixed(self, sid: str, times: int) -> str:
        for number in range(times):
            if number % 2:
                self.server.tell(HOUSE, "all", "said", number)
            else:
                await self.emit("said", number, to=sid)
        return "said"


@asynccontextmanager
async def serving(**options: float) -> AsyncIterator[tuple[Server, House, str]]:
    server, house = Server(lambda origin, environ: True, **options), House()
    server.register_namespace(house)
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield server, house, f"http://{host}:{port}"
    finally:
        await server.shutdown()
        await runner.cleanup()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[socketio.AsyncClient, list[int]]]:
    client, heard = socketio.AsyncClient(reconnection=False), list[int]()
    client.on("said", heard.append, namespace=HOUSE)
    await client.connect(url, namespaces=[HOUSE], transports=["websocket"], wait_timeout=5)
    try:
        yield client, heard
    finally:
        await client.shutdown()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 0xFFFF, 0x1_0000, 300_000])
async def test_frames_of_every_size_are_read_by_a_client(size: int) -> None:
    async def handle(request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse()
        await response.prepare(request)
        assert request.transport is not None
        request.transport.write(framed("đ" * (size // 2) + "x" * (size % 2)))
        await response.close()
        return response

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect("http://{}:{}/".format(*runner.addresses[0][:2])) as socket,
        ):
            message = await socket.receive(10)
            assert message.type is WSMsgType.TEXT
            assert len(message.data.encode()) == size
    finally:
        await runner.cleanup()


async def test_what_is_said_to_one_and_to_all_comes_in_the_order_in_which_it_was_said() -> None:
    async with serving() as (_, _, url), connected(url) as (client, heard):
        assert await client.call("enter", namespace=HOUSE) == "in"
        assert await client.call("mixed", 200, namespace=HOUSE) == "said"
        assert heard == list(range(200)), "the answer came behind all that was said before it"


async def test_what_is_for_all_reaches_each_once_and_nobody_outside() -> None:
    async with (
        serving() as (server, house, url),
        connected(url) as (one, first),
        connected(url) as (_, outside),
        connected(url) as (two, second),
    ):
        for client in (one, two):
            await client.call("enter", namespace=HOUSE)
        server.tell(HOUSE, "all", "said", 1)
        server.tell(HOUSE, [house.sids[0], house.sids[2], "gone"], "said", 2)
        server.tell(HOUSE, house.sids[1], "said", 3)
        async with asyncio.timeout(10):
            while not (len(first) == len(second) == 2 and outside):
                await asyncio.sleep(0.01)
        assert (first, second, outside) == ([1, 2], [1, 2], [3])


async def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "UNREAD", 100_000)
    async with (
        serving() as (server, house, url),
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0) as socket,
    ):
        await socket.receive()
        await socket.send_str(f"40{HOUSE},")
        await socket.receive()
        letter = "x" * 1_000_000
        async with asyncio.timeout(20):
            while not house.gone.is_set():
                for sid in house.sids:
                    server.tell(HOUSE, sid, "said", letter)
                await asyncio.sleep(0)


async def test_who_is_silent_is_not_waited_for() -> None:
    async with (
        serving(ping_interval=0.2, ping_timeout=0.2) as (_, house, url),
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket") as socket,
    ):
        await socket.receive()
        await socket.send_str(f"40{HOUSE},")
        async with asyncio.timeout(20):
            await house.gone.wait()
