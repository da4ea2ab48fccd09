"""A whole installation for tests: real databases in a folder, the real web application on a free port, browsers."""

from __future__ import annotations

import asyncio
import atexit
import io
import json
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from media.fleet import Fleet
from meetings.access import Office as OfficeOf
from meetings.tables import Meeting, Person, Site, Unit
from meetings.tickets import Tickets
from store.chain import Chain
from store.database import Database
from store.files import Files
from store.jobs import Jobs
from store.migrate import migrate
from web.app import build
from web.deps import Deps
from web.links import first_administrator_link, for_account
from web.tables import Account

START = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)
"""Monday, 09:00 in Vietnam."""
PASSWORD = "mật khẩu đủ dài"


@dataclass
class Clock:
    """Time as the test has it."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, **duration: float) -> None:
        self.moment += timedelta(**duration)


@dataclass
class QuietRooms:
    """No Room is live; what was said to them is kept."""

    told: list[tuple[str, str]] = field(default_factory=list)

    async def facts_changed(self, meeting: str) -> None:
        self.told.append(("facts_changed", meeting))

    async def cancelled(self, meeting: str) -> None:
        self.told.append(("cancelled", meeting))

    def present(self, meeting: str) -> int:
        return 0

    def processes(self) -> dict[str, bool | int]:
        return {"relay": False, "recorder": False}

    def totals(self) -> dict[str, int]:
        return {"meetings": 0, "seats": 0, "sockets": 0, "recordings": 0}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: Any

    @property
    def code(self) -> str:
        return self.body["code"]


class Browser:
    """One browser: keeps cookies, sends the Origin of the page it is on."""

    def __init__(self, http: aiohttp.ClientSession, address: str) -> None:
        self.http, self.address = http, address

    async def ask(
        self, method: str, path: str, body: object = None, *, data: bytes | None = None, **headers: str | None
    ) -> Answer:
        sent = {"Origin": self.address, "User-Agent": "Firefox/140"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        for name in [name for name, value in headers.items() if value is None]:
            sent.pop(name.replace("_", "-"), None)
        raw = data if data is not None else (json.dumps(body).encode() if body is not None else None)
        async with self.http.request(
            method, self.address + path, data=io.BytesIO(raw) if raw else None, headers=sent
        ) as response:
            text = await response.read()
            is_json = response.content_type == "application/json" and text
            return Answer(response.status, response.headers, json.loads(text) if is_json else text)

    async def get(self, path: str, **headers: str | None) -> Answer:
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, body: object = None, **headers: str | None) -> Answer:
        return await self.ask("POST", path, body, **headers)

    async def put(self, path: str, body: object, **headers: str | None) -> Answer:
        return await self.ask("PUT", path, body, **headers)

    async def delete(self, path: str) -> Answer:
        return await self.ask("DELETE", path)


class Office:
    """The installation. ``person`` and ``unit`` write rows, ``browser`` opens one, ``signed_in`` signs it in."""

    def __init__(self, deps: Deps, clock: Clock, rooms: QuietRooms) -> None:
        self.deps, self.clock, self.rooms = deps, clock, rooms
        self._open: list[aiohttp.ClientSession] = []

    def browser(self) -> Browser:
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._open.append(session)
        return Browser(session, self.deps.origin)

    async def unit(self, name: str, **fields: Any) -> str:
        return await self.add(Unit(name=name, **fields))

    async def person(self, name: str, **fields: Any) -> str:
        return await self.add(Person(name=name, **fields))

    async def add(self, row: Unit | Person | Meeting | Site) -> str:
        async with self.deps.database.begin() as session:
            session.add(row)
            await session.flush()
            return row.id

    async def change(self, kind: type[Any], id: str, **fields: Any) -> None:
        """What another part of the house would write."""
        async with self.deps.database.begin() as session:
            row = await session.get_one(kind, id)
            for name, value in fields.items():
                setattr(row, name, value)

    async def account(self, username: str, office: OfficeOf, person: str | None = None) -> str:
        """A new account; answers the token of its one-time link."""
        async with self.deps.database.begin() as session:
            row = Account(
                username=username, name=username, office=office, person_id=person, created_at=self.clock.now()
            )
            session.add(row)
            await session.flush()
            return (await for_account(session, row, self.clock.now()))[0]

    async def signed_in(self, username: str, office: OfficeOf, person: str | None = None) -> Browser:
        browser = self.browser()
        answer = await browser.post(
            f"/api/links/{await self.account(username, office, person)}", {"password": PASSWORD}
        )
        assert answer.status == 200, answer
        return browser

    async def administrator(self) -> Browser:
        """The first one, made by the link that the server prints."""
        link = await first_administrator_link(self.deps)
        assert link
        browser = self.browser()
        answer = await browser.post(
            f"/api/links/{link.rpartition('/')[2]}",
            {"password": PASSWORD, "username": "quantri", "name": "Quản trị viên"},
        )
        assert answer.status == 200, answer
        return browser

    async def close(self) -> None:
        for session in self._open:
            await session.close()


@asynccontextmanager
async def open_office(
    folder: Path,
    *,
    secure: bool = False,
    database: Database | None = None,
    relays: Fleet | None = None,
    metrics_token: str | None = None,
) -> AsyncGenerator[Office]:
    """Listens on a free port of the loopback address until the block ends. ``secure`` as if behind https."""
    clock, rooms = Clock(), QuietRooms()
    if database is None:
        database = await asyncio.to_thread(empty_databases, folder / "db")
    else:
        await migrate(database)
    port = await _free_port()
    address = f"http://127.0.0.1:{port}"
    deps = Deps(
        database=database,
        chain=Chain(database),
        tickets=Tickets(b"a secret of the tests, 32 bytes!"),
        jobs=Jobs(database),
        files=await asyncio.to_thread(Files, database, folder / "files"),
        rooms=rooms,
        var=folder,
        base_url=address,
        origin=address,
        secure=secure,
        now=clock.now,
        relays=relays or Fleet(""),
        metrics_token=metrics_token,
    )
    runner = web.AppRunner(build(deps), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    office = Office(deps, clock, rooms)
    try:
        yield office
    finally:
        await office.close()
        await runner.cleanup()
        await database.close()


async def _free_port() -> int:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


def empty_databases(folder: Path) -> Database:
    """SQLite files in ``folder``, migrated: copies of the first ones that this process made. Call it in a thread."""
    shutil.copytree(_migrated(), folder)
    return Database.embedded(folder)


@cache
def _migrated() -> Path:
    made = Path(tempfile.mkdtemp(prefix="nghisu-tests-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)

    async def make() -> None:
        database = Database.embedded(made)
        await migrate(database)
        await database.close()

    asyncio.run(make())
    return made
