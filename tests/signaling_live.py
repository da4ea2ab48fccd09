"""A signalling server on a real port, with meetings in a real database; relays may connect, no recorder does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import socketio
from aiohttp import web

from media.fleet import Fleet
from media.relay import RelayConfig, run
from meetings.tables import AgendaItem, Meeting, Site
from meetings.tickets import Ticket, Tickets
from recordings.director import Director
from recordings.link import RecorderLink
from signaling.hall import Hall
from signaling.namespace import MeetingNamespace
from signaling.sockets import Server
from signaling.turn import NO_TURN, Turn
from store.chain import Chain
from store.database import Database
from store.migrate import migrate
from store.watch import Watch

SITES = ("chair", "secretary", "delegate", "delegate", "observer")
NAMES = ("chair", "clerk", "north", "south", "guest")
TICKETS = Tickets(b"k" * 48)


def now() -> datetime:
    return datetime.now(UTC)


def ticket(site: str, serial: int = 1, lasts: timedelta = timedelta(hours=1), meeting: str = "m") -> str:
    return TICKETS.sign(Ticket(site, meeting, serial, now() + lasts))


class Browser:
    """A client of the namespace, as a browser's page is one. ``letters`` are kept as they come."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.client = socketio.AsyncClient(reconnection=False)
        self.letters: list[dict[str, Any]] = []
        self.refused: Any = None
        self.client.on("letter", self._read, namespace="/meeting")
        self.client.on("connect_error", self._refuse, namespace="/meeting")

    async def _read(self, posted: dict[str, Any]) -> None:
        self.letters.append(posted)

    async def _refuse(self, data: Any) -> None:
        self.refused = data["data"]

    async def connect(self, auth: object) -> Browser:
        try:
            await self.client.connect(
                self._url, namespaces=["/meeting"], transports=["websocket"], auth=auth, wait_timeout=30
            )
        except socketio.exceptions.ConnectionError:
            assert self.refused is not None
        return self

    async def call(self, event: str, data: Any = None) -> dict[str, Any]:
        return await self.client.call(event, data, namespace="/meeting", timeout=60)

    async def act(self, act: str, **facts: Any) -> dict[str, Any]:
        return await self.call("act", {"act": act, **facts})

    async def enter(self, **changes: Any) -> dict[str, Any]:
        return await self.call("enter", {"rtp_capabilities": {}, "person": "", **changes})

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """The messages of this kind that have come."""
        return [message for posted in self.letters for message in posted["messages"] if message["kind"] == kind]

    async def until(self, kind: str) -> dict[str, Any]:
        """The next message of this kind that has come or comes."""
        async with asyncio.timeout(60):
            while True:
                for posted in self.letters:
                    for message in posted["messages"]:
                        if message["kind"] == kind:
                            return message
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        await self.client.shutdown()


class Stage:
    """The server, and the browsers that tests open on it."""

    def __init__(self, url: str, hall: Hall, chain: Chain, database: Database, relays: Fleet) -> None:
        self.url, self.hall, self.chain, self.database, self.relays = url, hall, chain, database, relays
        self.browsers: list[Browser] = []

    async def browser(self, site: str, **auth: Any) -> Browser:
        browser = Browser(self.url)
        self.browsers.append(browser)
        return await browser.connect({"ticket": ticket(site), **auth})

    async def seated(self, site: str, **changes: Any) -> Browser:
        browser = await self.browser(site)
        assert "ok" in await browser.enter(**changes)
        return browser

    async def log(self) -> list[bytes]:
        return [line.payload for line in await self.chain.read("m")]


async def fill(database: Database, *, lobby: bool = False, meeting: str = "m", before: str = "") -> None:
    """``before`` is set before the ids of agenda items and sites: they are unique among all meetings."""
    async with database.begin() as session:
        session.add(
            Meeting(
                id=meeting,
                title="Họp giao ban",
                state="invited",
                starts_at=now(),
                ends_at=now() + timedelta(hours=3),
                lobby=lobby,
                created_by="somebody",
                created_at=now(),
                agenda=[AgendaItem(id=f"{before}a{n}", number=n, title=f"Nội dung {n}") for n in (1, 2)],
                sites=[
                    Site(id=before + name, number=n, role=role, name=name, person_name=name.title())
                    for n, (name, role) in enumerate(zip(NAMES, SITES, strict=True), 1)
                ],
            )
        )


@asynccontextmanager
async def relaying(stage: Stage, number: int = 0) -> AsyncIterator[asyncio.Task[None]]:
    """A relay that serves the stage while the block lasts."""
    config = RelayConfig("127.0.0.1", 0, None, stage.url, "token", number=number)
    task = asyncio.create_task(run(config), name=f"relay {number}")
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def serve(
    folder: Path,
    *,
    lobby: bool = False,
    fresh: bool = True,
    expected_relays: int = 1,
    port: int = 0,
    turn: Turn = NO_TURN,
) -> AsyncIterator[Stage]:
    database = Database.embedded(folder)
    await migrate(database)
    if fresh:
        await fill(database, lobby=lobby)
    chain = Chain(database)
    watch = Watch(database, chain)
    relays, recorder = Fleet("token", expected=expected_relays), RecorderLink("token")

    async def missing(meeting: str, gap: object) -> None:
        raise AssertionError("nothing records here")

    director = Director(recorder, relays, missing)  # type: ignore[arg-type]
    hall = Hall(database=database, chain=chain, watch=watch, relays=relays, recorder=director, now=now)
    sockets = Server(lambda origin, environ: True, ping_interval=2, ping_timeout=60)
    for namespace in (MeetingNamespace(hall, database, TICKETS, now, turn), relays.door, recorder):
        sockets.register_namespace(namespace)
    app = web.Application()
    sockets.attach(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    host, port = runner.addresses[0][:2]
    relays.on_returned, relays.on_lost = hall.relay_returned, hall.relay_lost
    relays.on_slots_show, relays.on_producer_started = hall.slots_show, hall.producer_started
    relays.on_encodings_watched = hall.encodings_watched
    await hall.start()
    stage = Stage(f"http://{host}:{port}", hall, chain, database, relays)
    try:
        yield stage
    finally:
        for browser in stage.browsers:
            await browser.close()
        await relays.close()
        await sockets.shutdown()
        await runner.cleanup()
        await hall.stop()
        await database.close()
