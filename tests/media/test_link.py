"""Server and relays over a real Unix socket: who may connect, what is told, and how they find each other again."""

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
from media.fleet import Fleet
from media.link import AT_ONCE, RelayLink, RelayRefused, RelayUnavailable
from media.notation import Json
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
    """The server's end, which can be closed and opened again. ``told`` keeps notices, ``returned`` the routers of each
    return, ``lost`` what went with each relay. Until ``ready`` is set, what has returned is still being taken over."""

    def __init__(self, path: Path) -> None:
        self.path, self.told = path, list[Any]()
        self.returned, self.lost = list[set[str]](), list[dict[str, frozenset[str]]]()
        self.ready = asyncio.Event()
        self.ready.set()
        self.runner: web.AppRunner | None = None
        self.fleet: Fleet

    async def open(self, *, expected: int = 1, cap: int = 600) -> None:
        async def tell(notice: Any) -> None:
            self.told.append(notice)

        async def come(routers: Any) -> None:
            self.returned.append(set(routers))
            await self.ready.wait()

        async def lose(lost: Any) -> None:
            self.lost.append(dict(lost))

        self.fleet = Fleet("secret", expected=expected, cap=cap)
        self.fleet.on_returned, self.fleet.on_lost = come, lose
        self.fleet.on_slots_show = self.fleet.on_heard = tell
        sockets = socketio.AsyncServer(async_mode="aiohttp", json=Json)
        sockets.register_namespace(self.fleet.door)
        application = web.Application()
        sockets.attach(application)
        self.sockets, self.runner = sockets, web.AppRunner(application, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.UnixSite(self.runner, str(self.path)).start()

    @property
    def available(self) -> bool:
        return self.fleet.available

    @property
    def link(self) -> RelayLink:
        """The relay that is there, or the first of them."""
        found = self.fleet.link(self.fleet.standing()[0].relay)
        assert found is not None
        return found

    async def close(self) -> None:
        if self.runner is not None:
            await self.fleet.close()
            await self.sockets.shutdown()
            await self.runner.cleanup()
            self.runner = None


@asynccontextmanager
async def relaying(
    path: Path, *, token: str = "secret", keep: float = 90, number: int = 0
) -> AsyncIterator[asyncio.Task[None]]:
    config = RelayConfig("127.0.0.1", 0, None, str(path), token, keep, number)
    task = asyncio.create_task(run(config), name="relay")
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


@asynccontextmanager
async def serving(folder: Path, *, expected: int) -> AsyncIterator[Server]:
    made = Server(folder / "s.sock")
    await made.open(expected=expected)
    try:
        yield made
    finally:
        await made.close()


def _open(router: str, endpoint: str) -> m.OpenEndpoint:
    return m.OpenEndpoint(router, endpoint, True, ROUTER_CAPABILITIES)


async def test_requests_are_answered_and_the_relay_has_told_itself_first(server: Server) -> None:
    async with relaying(server.path):
        await until(lambda: server.available)
        assert server.returned == [set()]
        assert (server.fleet.relays, server.link.number) == (1, 0)
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
        await until(lambda: server.available)
        with pytest.raises(RelayRefused, match="router_unknown") as refused:
            await server.link.connect_endpoint(m.ConnectEndpoint("m", "an", None, None, ()))
        assert refused.value.code == "router_unknown"


async def test_without_a_relay_requests_say_so_at_once(server: Server) -> None:
    assert not server.available
    with pytest.raises(RelayUnavailable):
        await server.fleet.span("m").open_endpoint(OPEN)


async def test_a_relay_that_leaves_fails_the_waiting_request_and_is_told(server: Server) -> None:
    async with relaying(server.path) as relay:
        await until(lambda: server.available)
        await server.fleet.span("m").open_endpoint(OPEN)
        request = asyncio.create_task(server.link.dump())
        relay.cancel()
        with suppress(RelayUnavailable):
            await asyncio.wait_for(request, GENEROUS)
        await until(lambda: server.lost)
        assert server.lost == [{"m": {"an"}}]
        assert not server.available


async def test_a_wrong_token_does_not_come_in(server: Server) -> None:
    async with relaying(server.path, token="guessed"):
        await asyncio.sleep(0.5)
        assert not server.available
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(server.path))) as session:
        for auth in (None, {}, {"token": 5}, {"token": ""}, "secret"):
            client = socketio.AsyncClient(reconnection=False, http_session=session)
            with pytest.raises(exceptions.ConnectionError):
                await client.connect(
                    "http://localhost", auth=auth, transports=["websocket"], namespaces=["/relay"], wait_timeout=2
                )


async def test_notices_that_cannot_be_read_change_nothing(server: Server) -> None:
    async with relaying(server.path):
        await until(lambda: server.available)
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
        assert server.available
        assert len(server.told) == told
        await server.link.open_endpoint(OPEN)


async def test_the_relay_finds_a_server_that_returns_and_tells_what_it_kept(server: Server) -> None:
    async with relaying(server.path):
        await until(lambda: server.available)
        offer = await server.fleet.span("m").open_endpoint(OPEN)
        await server.close()
        await asyncio.sleep(0.3)
        server.told.clear()
        await server.open()
        await until(lambda: server.available)
        assert server.returned[-1] == {"m"}
        span = server.fleet.span("m")
        assert span.homes == {"an": server.link.id}
        await until(lambda: len(server.told) >= 2)
        assert server.told[0] == m.SlotsShow("m", ("an",), {name: None for name, _ in m.SLOTS})
        assert await span.open_endpoint(OPEN) == offer


async def test_a_relay_alone_for_too_long_closes_its_routers(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    async with relaying(server.path, keep=0.2):
        await until(lambda: server.available)
        await server.fleet.span("m").open_endpoint(OPEN)
        await server.close()
        await until(lambda: "the routers are closed" in caplog.text)
        await server.open()
        await until(lambda: server.available)
        assert server.returned[-1] == set()


async def test_a_relay_tells_its_number_and_how_busy_it_is(server: Server) -> None:
    async with relaying(server.path, number=3):
        await until(lambda: server.available)
        assert server.link.number == 3
        await until(lambda: server.link.cpu > 0, "a notice of the load")
        assert server.link.cpu <= 1


async def test_meetings_are_placed_by_load_and_a_meeting_stays_together(tmp_path: Path) -> None:
    async with serving(tmp_path, expected=2) as server, relaying(server.path), relaying(server.path, number=1):
        await until(lambda: server.available)
        one, two = server.fleet.span("one"), server.fleet.span("two")
        for place in range(3):
            await one.open_endpoint(_open("one", f"a{place}"))
            await two.open_endpoint(_open("two", f"b{place}"))
        assert len(set(one.homes.values())) == len(set(two.homes.values())) == 1
        assert set(one.homes.values()) != set(two.homes.values())
        assert [each.endpoints for each in server.fleet.standing()] == [3, 3]
        dumps = await server.fleet.dump()
        assert sorted(set(dump["routers"]) for dump in dumps) == [{"one"}, {"two"}]


async def test_with_a_relay_only_its_own_endpoints_are_lost_and_they_are_placed_anew_on_another(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, expected=2) as server, relaying(server.path):
        async with relaying(server.path, number=1):
            await until(lambda: server.available)
            one, two = server.fleet.span("one"), server.fleet.span("two")
            await one.open_endpoint(_open("one", "a"))
            await two.open_endpoint(_open("two", "b"))
            assert server.fleet.standing()[1].endpoints == 1
        await until(lambda: server.lost)
        assert server.lost == [{"two": {"b"}}]
        assert server.available
        await two.open_endpoint(_open("two", "again"))
        assert set(two.homes.values()) == set(one.homes.values()) == {server.link.id}


async def test_a_request_under_way_on_a_relay_that_dies_is_carried_out_by_another(tmp_path: Path) -> None:
    async with serving(tmp_path, expected=2) as server, relaying(server.path, number=1):
        async with relaying(server.path) as dying:
            await until(lambda: server.available)
            opening = asyncio.create_task(server.fleet.span("m").open_endpoint(OPEN))
            dying.cancel()
            assert (await asyncio.wait_for(opening, GENEROUS)).slots
        await until(lambda: server.fleet.relays == 1)
        if not server.lost[0]:
            assert server.fleet.span("m").homes == {"an": server.link.id}


async def test_a_server_that_starts_waits_for_the_relays_that_were_there(tmp_path: Path) -> None:
    async with serving(tmp_path, expected=2) as server, relaying(server.path):
        async with relaying(server.path, number=1):
            await until(lambda: server.available)
            await server.fleet.span("one").open_endpoint(_open("one", "a"))
            await server.fleet.span("two").open_endpoint(_open("two", "b"))
            homes = {**server.fleet.span("one").homes, **server.fleet.span("two").homes}
            assert len(set(homes.values())) == 2
            await server.close()
            server.returned.clear()
            await server.open(expected=2)
            await until(lambda: server.available)
            assert server.returned == [{"one", "two"}]
            assert {**server.fleet.span("one").homes, **server.fleet.span("two").homes} == homes
        await server.close()
        server.returned.clear()
        await server.open(expected=2)
        await until(lambda: server.fleet.relays == 1)
        assert not server.available
        await until(lambda: server.available, "one relay has been awaited for long enough")
        assert server.returned == [{"one"}]


async def test_what_relays_tell_is_heard_when_all_that_they_hold_is_taken_over(tmp_path: Path) -> None:
    async with serving(tmp_path, expected=2) as server, relaying(server.path), relaying(server.path, number=1):
        await until(lambda: server.available)
        for router, endpoint in (("one", "a"), ("two", "b")):
            await server.fleet.span(router).open_endpoint(_open(router, endpoint))
        await server.close()
        server.told.clear()
        server.returned.clear()
        server.ready.clear()
        await server.open(expected=2)
        await until(lambda: server.returned, "the relays have returned")
        late = m.SlotsShow("one", ("a",), {"stage-video": "b"})
        await server.fleet._told(server.link, late)
        assert server.told == []
        server.ready.set()
        await until(lambda: late in server.told)
        await until(lambda: {("a",), ("b",)} <= {told.endpoints for told in server.told})


async def test_the_last_endpoint_of_a_meeting_closes_it_on_the_relay(server: Server) -> None:
    async with relaying(server.path):
        await until(lambda: server.available)
        span = server.fleet.span("m")
        await span.open_endpoint(OPEN)
        await span.open_endpoint(_open("m", "binh"))
        await span.close_endpoint(m.CloseEndpoint("m", "an"))
        assert set((await server.link.dump())["routers"]) == {"m"}
        await span.close_endpoint(m.CloseEndpoint("m", "binh"))
        assert (await server.link.dump())["routers"] == {}


async def test_a_port_in_use_ends_the_relay_with_a_sentence(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        config = RelayConfig("127.0.0.1", taken.getsockname()[1], None, str(tmp_path / "none"), "secret")
        with pytest.raises(PortUnavailable, match="cannot be used"):
            await run(config)


async def test_where_hundreds_ask_at_once_few_are_under_way_and_all_are_answered() -> None:
    under_way, most = 0, 0

    async def ask(request: str, wish: Any) -> dict[str, Any]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return {"ok": {}}

    link = RelayLink(m.Inventory("relay", ()), ask)
    await asyncio.gather(*(link.close_endpoint(m.CloseEndpoint("m", str(number))) for number in range(300)))
    assert most == AT_ONCE


async def test_whoever_waits_for_a_turn_or_an_answer_is_told_when_the_relay_goes() -> None:
    asked = 0

    async def ask(request: str, wish: Any) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        raise AssertionError

    link = RelayLink(m.Inventory("relay", ()), ask)
    waiting = [asyncio.create_task(link.close_router(m.CloseRouter(str(number)))) for number in range(2 * AT_ONCE)]
    await until(lambda: asked == AT_ONCE)
    link.leave()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [RelayUnavailable] * 2 * AT_ONCE
    assert asked == AT_ONCE, "nothing more was asked"
