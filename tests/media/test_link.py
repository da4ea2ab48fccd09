"""Server and relay over a real Unix socket: who may connect, what is told, and how they find each other again."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio
from aiohttp import web
from relay_stand import GENEROUS, until
from socketio import exceptions

from media import messages as m
from media.link import RelayLink, RelayRefused, RelayUnavailable
from media.ortc import ROUTER_CAPABILITIES
from media.port import PortUnavailable
from media.relay import RelayConfig, run

OPEN = m.OpenEndpoint("m", "an", True, ROUTER_CAPABILITIES)


@pytest.fixture(autouse=True)
def untouched_collector() -> Iterator[None]:
    """A relay tunes the garbage collector of its process; a test's process gets its own settings back."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


class Server:
    """The server's end, which can be closed and opened again."""

    def __init__(self, path: Path) -> None:
        self.path, self.told, self.lost = path, list[Any](), 0
        self.runner: web.AppRunner | None = None
        self.link: RelayLink

    async def open(self) -> None:
        async def tell(notice: Any) -> None:
            self.told.append(notice)

        async def lose() -> None:
            self.lost += 1

        self.link = RelayLink("secret", on_inventory=tell, on_lost=lose, on_slots_show=tell, on_heard=tell)
        sockets = socketio.AsyncServer(async_mode="aiohttp")
        sockets.register_namespace(self.link)
        application = web.Application()
        sockets.attach(application)
        self.sockets, self.runner = sockets, web.AppRunner(application, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.UnixSite(self.runner, str(self.path)).start()

    async def close(self) -> None:
        if self.runner is not None:
            await self.sockets.shutdown()
            await self.runner.cleanup()
            self.runner = None

    def inventories(self) -> list[m.Inventory]:
        return [notice for notice in self.told if isinstance(notice, m.Inventory)]


@asynccontextmanager
async def relaying(path: Path, *, token: str = "secret", keep: float = 90) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(run(RelayConfig("127.0.0.1", 0, None, str(path), token, keep)), name="relay")
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path / "s.sock")
    await made.open()
    yield made
    await made.close()


async def test_requests_are_answered_and_the_inventory_is_told_first(server: Server) -> None:
    async with relaying(server.path):
        await until(lambda: server.link.available)
        assert server.told[0] == m.Inventory(server.inventories()[0].relay, ())
        offer = await server.link.open_endpoint(OPEN)
        assert offer.router_rtp_capabilities == ROUTER_CAPABILITIES
        assert [slot.name for slot in offer.slots] == [name for name, _ in m.SLOTS]
        assert offer.send is not None
        assert await server.link.open_endpoint(OPEN) == offer
        await server.link.route(m.Route("m", "an", "camera", (), ()))
        assert set((await server.link.dump())["routers"]) == {"m"}
        await server.link.close_router(m.CloseRouter("m"))
        assert (await server.link.dump())["routers"] == {}


async def test_a_refusal_carries_its_code(server: Server) -> None:
    async with relaying(server.path):
        await until(lambda: server.link.available)
        with pytest.raises(RelayRefused, match="router_unknown") as refused:
            await server.link.connect_endpoint(m.ConnectEndpoint("m", "an", None, None, ()))
        assert refused.value.code == "router_unknown"


async def test_without_a_relay_requests_say_so_at_once(server: Server) -> None:
    assert not server.link.available
    with pytest.raises(RelayUnavailable):
        await server.link.open_endpoint(OPEN)


async def test_a_relay_that_leaves_fails_the_waiting_request_and_is_told(server: Server) -> None:
    async with relaying(server.path) as relay:
        await until(lambda: server.link.available)
        request = asyncio.create_task(server.link.open_endpoint(OPEN))
        relay.cancel()
        with suppress(RelayUnavailable):
            await asyncio.wait_for(request, GENEROUS)
        await until(lambda: server.lost == 1)
        assert not server.link.available


async def test_a_wrong_token_does_not_come_in(server: Server) -> None:
    async with relaying(server.path, token="guessed"):
        await asyncio.sleep(0.5)
        assert not server.link.available
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(server.path))) as session:
        for auth in (None, {}, {"token": 5}, {"token": ""}, "secret"):
            client = socketio.AsyncClient(reconnection=False, http_session=session)
            with pytest.raises(exceptions.ConnectionError):
                await client.connect(
                    "http://localhost", auth=auth, transports=["websocket"], namespaces=["/relay"], wait_timeout=2
                )


async def test_notices_that_cannot_be_read_change_nothing(server: Server) -> None:
    async with relaying(server.path):
        await until(lambda: server.link.available)
        told = len(server.told)
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(server.path))) as session:
            client = socketio.AsyncClient(reconnection=False, http_session=session)
            await client.connect(
                "http://localhost", auth={"token": "secret"}, transports=["websocket"], namespaces=["/relay"]
            )
            for event, body in (("inventory", {"relay": 5}), ("heard", None), ("no_such_notice", {}), ("connect", {})):
                await client.emit(event, body, namespace="/relay")
            await client.emit("heard", {"router": "m", "endpoints": ["x"]}, namespace="/relay")
            await asyncio.sleep(0.3)
            await client.disconnect()
        assert server.link.available
        assert len(server.told) == told
        await server.link.open_endpoint(OPEN)


async def test_the_relay_finds_a_server_that_returns_and_tells_what_it_kept(server: Server) -> None:
    async with relaying(server.path):
        await until(lambda: server.link.available)
        offer = await server.link.open_endpoint(OPEN)
        await server.close()
        await asyncio.sleep(0.3)
        server.told.clear()
        await server.open()
        await until(lambda: server.link.available)
        (inventory,) = server.inventories()
        (router,) = inventory.routers
        assert [(endpoint.id, endpoint.send) for endpoint in router.endpoints] == [("an", True)]
        await until(lambda: len(server.told) >= 3)
        assert server.told[1] == m.SlotsShow("m", "an", {name: None for name, _ in m.SLOTS})
        assert await server.link.open_endpoint(OPEN) == offer


async def test_a_relay_alone_for_too_long_closes_its_routers(server: Server) -> None:
    async with relaying(server.path, keep=0.2):
        await until(lambda: server.link.available)
        await server.link.open_endpoint(OPEN)
        await server.close()
        await asyncio.sleep(2.5)
        server.told.clear()
        await server.open()
        await until(lambda: server.link.available)
        assert server.inventories()[0].routers == ()


async def test_the_newest_relay_answers(server: Server) -> None:
    async with relaying(server.path):
        await until(lambda: server.link.available)
        await server.link.open_endpoint(OPEN)
        async with relaying(server.path):
            await until(lambda: len(server.inventories()) == 2)
            assert (await server.link.dump())["routers"] == {}
        await until(lambda: not server.link.available)


async def test_a_port_in_use_ends_the_relay_with_a_sentence(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        config = RelayConfig("127.0.0.1", taken.getsockname()[1], None, str(tmp_path / "none"), "secret")
        with pytest.raises(PortUnavailable, match="cannot be used"):
            await run(config)
