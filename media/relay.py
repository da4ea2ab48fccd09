"""The relay process: one media port, all routers on it, and the connection to the server.

Media goes on while the server is away; the routers are kept for 90 s, and the server is told on its return what is
there (``messages.Inventory``).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
import socketio
from msgspec import Struct
from msgspec.structs import replace
from socketio import exceptions

from media import clock
from media.desk import Desk
from media.link import NAMESPACE, NOTICES
from media.messages import Load
from media.notation import Json, written
from media.port import Port

log = logging.getLogger("nghisu.relay")
TICK = 0.05
LOAD_TOLD = 2.0
"""Seconds between two notices of the load."""
NAMES = {kind: name for name, kind in NOTICES.items()}
UNSENT = 10_000
"""Notices kept for a server that is slow; older ones are dropped: each states the whole."""


@dataclass(frozen=True)
class RelayConfig:
    """``server``: the path of the server's Unix socket, or its http(s) address. ``announced_address``: what browsers
    are told, if not the host; several are separated by commas. ``keep``: seconds without a server after which the
    routers are closed."""

    listen_host: str
    listen_port: int
    announced_address: str | None
    server: str
    token: str
    keep: float = 90.0
    number: int = 0
    """Which one of this machine's relays it is; its port is ``listen_port`` already."""
    pipe_address: str = "127.0.0.1"
    """Where it listens for other relays."""


async def run(config: RelayConfig) -> None:
    """Runs a relay until it is cancelled (best on uvloop). Raises ``PortUnavailable``, an ``OSError``."""
    host, *_ = await addresses(config.listen_host)
    announced = [address for name in names(config.announced_address) for address in await addresses(name)]
    port = Port(host, config.listen_port, announced)
    relay = Relay(config, port)
    port.start()
    where = ", ".join(port.announced)
    log.info("relay %s listens on udp and tcp %s:%d, announced as %s", relay.desk.id, host, port.number, where)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    tasks = [
        asyncio.create_task(relay.keep_time(), name="relay:time"),
        asyncio.create_task(relay.stay_connected(), name="relay:connection"),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        relay.desk.close()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=0.5)
        port.close()
        log.info("relay %s ended", relay.desk.id)


class Relay:
    """The desk and its connection to the server."""

    def __init__(self, config: RelayConfig, port: Port) -> None:
        self.desk = Desk(port, self._tell, pipe_address=config.pipe_address)
        self._config = config
        self._notices: deque[Struct] = deque(maxlen=UNSENT)
        self._wake = asyncio.Event()
        self._connected = False
        self._alone_since = clock.now()
        self._cpu = 0.0

    async def keep_time(self) -> None:
        """Ticks for ever."""
        turn = 0
        load = LoadMeter()
        while True:
            await asyncio.sleep(TICK)
            now = clock.now()
            self.desk.tick(now)
            turn += 1
            if turn % round(LOAD_TOLD / TICK) == 0:
                self._cpu = load.read()
                self._tell(Load(self._cpu))
            if not self._connected and self.desk.routers and now - self._alone_since > self._config.keep * 1e6:
                log.warning("no server for %.0f s: the routers are closed", self._config.keep)
                self.desk.close()

    async def stay_connected(self) -> None:
        """Connects, serves, and connects again, for ever."""
        pause = 0.1
        while True:
            try:
                await self._serve()
                pause = 0.1
            except (exceptions.SocketIOError, aiohttp.ClientError, OSError, ValueError) as error:
                log.debug("no server: %r", error)
            if self._connected:
                log.warning("the server is away; media goes on")
                self._connected, self._alone_since = False, clock.now()
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 1.5)

    async def _serve(self) -> None:
        """One connection, until it ends."""
        local = not self._config.server.startswith(("http://", "https://"))
        connector = aiohttp.UnixConnector(self._config.server) if local else aiohttp.TCPConnector()
        url = "http://localhost" if local else self._config.server
        async with aiohttp.ClientSession(connector=connector) as session:
            client = socketio.AsyncClient(reconnection=False, http_session=session, handle_sigint=False, json=Json)
            for request in self.desk.requests:
                client.on(request, self._handler(request), namespace=NAMESPACE)
            try:
                await client.connect(
                    url,
                    auth={"token": self._config.token},
                    transports=["websocket"],
                    namespaces=[NAMESPACE],
                    wait_timeout=5,
                )
                await self._talk(client)
            finally:
                await client.disconnect()

    async def _talk(self, client: socketio.AsyncClient) -> None:
        log.info("connected with the server")
        self._notices.clear()
        self._connected = True
        self._tell(replace(self.desk.inventory(), number=self._config.number, cpu=self._cpu))
        self.desk.resume()
        ended = asyncio.create_task(client.wait(), name="relay:ended")
        try:
            while not ended.done():
                self._wake.clear()
                while self._notices:
                    notice = self._notices.popleft()
                    await client.emit(NAMES[type(notice)], written(notice), namespace=NAMESPACE)
                woken = asyncio.create_task(self._wake.wait(), name="relay:wake")
                await asyncio.wait({ended, woken}, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
        finally:
            ended.cancel()

    def _handler(self, request: str) -> Any:
        def handle(body: object = None) -> msgspec.Raw:
            return written(self.desk.handle(request, body))

        return handle

    def _tell(self, notice: Struct) -> None:
        if self._connected:
            self._notices.append(notice)
            self._wake.set()


def names(announced: str | None) -> list[str]:
    """The names or addresses of a list with commas."""
    return [name.strip() for name in (announced or "").split(",") if name.strip()]


async def addresses(host: str) -> list[str]:
    """The addresses of a host name, IPv4 first. Raises ``OSError``."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    return sorted(dict.fromkeys(str(address[0]) for *_, address in found), key=lambda address: ":" in address)


class LoadMeter:
    """The share of one core that this process has used since the last reading."""

    def __init__(self) -> None:
        self._cpu, self._at = time.process_time(), time.monotonic()

    def read(self) -> float:
        cpu, now = time.process_time(), time.monotonic()
        used = (cpu - self._cpu) / (now - self._at)
        self._cpu, self._at = cpu, now
        return round(min(1.0, used), 3)
