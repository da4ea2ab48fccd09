"""Start here: settings → rooms → wires → doors, and the command line.

``up`` (what ``make run`` starts) supervises the others; ``serve`` is HTTP, signalling and durable jobs; ``relay``
forwards media; ``recorder`` keeps it. ``migrate``, ``demo`` and ``verify`` do one thing and end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import ssl
import stat
import sys
from collections.abc import AsyncGenerator, Awaitable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supervisor import UNUSABLE, supervise

if TYPE_CHECKING:
    from media.link import RelayLink
    from media.messages import AskKeyFrame, Record, StopRecord
    from media.messages import Inventory as RelayInventory
    from meetings.events import RecordingGap
    from recordings.director import Director
    from recordings.link import RecorderLink
    from recordings.messages import Inventory as RecorderInventory
    from settings import Settings
    from signaling.hall import Hall
    from web.deps import Deps

log = logging.getLogger("nghisu.server")
COMMANDS = ("serve", "relay", "recorder")


def now() -> datetime:
    return datetime.now(UTC)


# -- serve -----------------------------------------------------------------------------------------------------------


async def serve(settings: Settings) -> None:
    """Pages, API, signalling and durable jobs, until cancelled."""
    from aiohttp import web
    from web.tls import context

    from web.app import build
    from web.links import first_administrator_link

    async with house(settings) as rooms:
        app = build(rooms.deps)
        rooms.sockets.attach(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            tls: ssl.SSLContext | None = await asyncio.to_thread(context, settings) if settings.secure else None
            settings.socket.parent.mkdir(parents=True, exist_ok=True)
            settings.socket.unlink(missing_ok=True)
            await web.UnixSite(runner, str(settings.socket), backlog=64).start()
            settings.socket.chmod(stat.S_IRUSR | stat.S_IWUSR)
            await web.TCPSite(runner, settings.host, settings.port, ssl_context=tls, backlog=4096).start()
            print(f"Nghị Sự: {settings.base_url}", flush=True)
            if link := await first_administrator_link(rooms.deps):
                print(f"Tạo quản trị viên đầu tiên / First administrator: {link}", flush=True)
            await asyncio.Event().wait()
        finally:
            await rooms.sockets.shutdown()
            await runner.cleanup()


@dataclass(frozen=True)
class House:
    """The rooms of the server, wired."""

    deps: Deps
    sockets: Any


@contextlib.asynccontextmanager
async def house(settings: Settings) -> AsyncGenerator[House]:
    """Opens every room in order and closes them in the other."""
    import socketio

    from media.link import RelayLink
    from meetings.tickets import Tickets
    from meetings.watch import StateFollowsLog
    from recordings.director import Director
    from recordings.link import RecorderLink
    from signaling.hall import Hall
    from signaling.namespace import MeetingNamespace
    from store.chain import Chain
    from store.database import Database
    from store.files import Files
    from store.jobs import Jobs
    from store.migrate import migrate
    from store.watch import Watch
    from web.deps import Deps

    database = Database.at(settings.database) if settings.database else Database.embedded(settings.var / "db")
    await migrate(database)
    chain, tickets = Chain(database), Tickets(secret(settings.var))
    jobs, files, watch = Jobs(database), Files(database, settings.var / "files"), Watch(database, chain)

    relay, recorder = RelayLink(settings.token or ""), RecorderLink(settings.token or "")

    async def missing(meeting: str, gap: RecordingGap) -> None:
        await hall.recording_gap(meeting, gap)

    director = Director(recorder, _RelayForRecorder(relay), missing)
    hall = Hall(database=database, chain=chain, watch=watch, relay=relay, recorder=director, now=now)
    _wire(hall, director, relay, recorder)
    sockets = socketio.AsyncServer(
        async_mode="aiohttp",
        transports=["websocket"],
        cors_allowed_origins=_same_host,
        max_http_buffer_size=256 * 1024,
        ping_interval=10,
        ping_timeout=8,
    )
    sockets.register_namespace(MeetingNamespace(hall, database, tickets, now))
    sockets.register_namespace(relay)
    sockets.register_namespace(recorder)

    deps = Deps(
        database=database,
        chain=chain,
        tickets=tickets,
        jobs=jobs,
        files=files,
        rooms=hall,
        var=settings.var,
        base_url=settings.base_url,
        origin=settings.origin,
        secure=settings.secure,
        now=now,
    )
    watch.add("state", StateFollowsLog(database))
    watching: asyncio.Task[None] | None = None
    try:
        await jobs.start()
        await hall.start()
        watching = asyncio.create_task(watch.run(), name="watch")
        yield House(deps, sockets)
    finally:
        if watching is not None:
            watching.cancel()
        await hall.stop()
        await jobs.stop()
        await database.close()


def _wire(hall: Hall, director: Director, relay: RelayLink, recorder: RecorderLink) -> None:
    """What relay and recorder tell goes to who follows it; a new relay's news reaches the recorder first."""
    known = ""

    async def relay_returned(inventory: RelayInventory) -> None:
        nonlocal known
        if inventory.relay != known:
            known = inventory.relay
            await director.relay_returned(hall.meetings())
        await hall.relay_returned(inventory)

    async def recorder_returned(inventory: RecorderInventory) -> None:
        await director.recorder_returned(inventory)
        await hall.recorder_returned([open_.recording for open_ in inventory.recordings])

    async def recorder_away() -> None:
        await director.recorder_away()
        await hall.recorder_lost()

    relay.on_inventory, relay.on_lost = relay_returned, hall.relay_lost
    relay.on_slots_show, relay.on_heard = hall.slots_show, hall.heard
    relay.on_producer_started = hall.producer_started
    recorder.on_returned, recorder.on_away = recorder_returned, recorder_away
    recorder.on_missing = director.media_missing


class _RelayForRecorder:
    """The relay as the recordings ask for it: their errors, not the relay's."""

    def __init__(self, relay: Any) -> None:
        self._relay = relay

    async def record(self, wish: Record) -> None:
        await self._ask(self._relay.record(wish))

    async def stop_record(self, wish: StopRecord) -> None:
        await self._ask(self._relay.stop_record(wish))

    async def ask_key_frame(self, wish: AskKeyFrame) -> None:
        await self._ask(self._relay.ask_key_frame(wish))

    async def _ask(self, request: Awaitable[None]) -> None:
        from media.link import RelayError
        from meetings.errors import Unavailable

        try:
            await request
        except RelayError as error:
            raise Unavailable("media_unavailable", reason=error.code) from error


def _same_host(origin: str | None, environ: dict[str, Any]) -> bool:
    """Browsers connect from our own pages alone; relay and recorder send no Origin."""
    return origin is None or origin.partition("://")[2] == environ.get("HTTP_HOST")


def secret(var: Path) -> bytes:
    """The installation's secret, made at the first start; whoever has it can sign tickets."""
    path = var / "secret"
    var.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(48))
    return path.read_bytes()


# -- relay and recorder ----------------------------------------------------------------------------------------------


async def relay(settings: Settings) -> None:
    from media.relay import RelayConfig, run

    host, port = settings.media
    await run(
        RelayConfig(
            listen_host=host,
            listen_port=port,
            announced_address=settings.announce or host,
            server=settings.server or str(settings.socket),
            token=settings.token or "",
        )
    )


async def recorder(settings: Settings) -> None:
    from recordings.recorder import RecorderConfig, run

    await run(
        RecorderConfig(
            folder=settings.var / "recordings",
            server=settings.server or str(settings.socket),
            token=settings.token or "",
        )
    )


# -- the command line ------------------------------------------------------------------------------------------------


async def _until_told(work: Coroutine[Any, Any, None], *, supervised: bool) -> None:
    """Runs the work until SIGINT, SIGTERM or, for a supervised child, the supervisor's end."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    if supervised:
        loop.add_reader(sys.stdin.fileno(), stop.set)
    running, told = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not running.done():
        running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def _run(command: str, *, supervised: bool) -> int:
    import uvloop

    from settings import Settings

    settings = Settings()  # pyright: ignore[reportCallIssue]
    logging.basicConfig(
        level=settings.log_level.upper(), format=f"%(asctime)s {command} %(levelname)s %(name)s: %(message)s"
    )
    for noisy in ("aioice", "aiortc", "socketio", "engineio", "dbos", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    work = {"serve": serve, "relay": relay, "recorder": recorder}[command]
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told(work(settings), supervised=supervised))
    except OSError as error:
        log.error("%s cannot run: %s", command, error)
        return UNUSABLE
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="server.py", description="Nghị Sự")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything")
    for name in COMMANDS:
        commands.add_parser(name).add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.chdir(Path(__file__).parent)
    if given.command == "up":
        return asyncio.run(supervise(COMMANDS))
    return _run(given.command, supervised=given.supervised)


if __name__ == "__main__":
    sys.exit(main())
