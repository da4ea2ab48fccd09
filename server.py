"""Start here: settings → rooms → wires → doors, and the command line.

``up`` (what ``make run`` starts) supervises the others; ``serve`` is HTTP, signalling and durable jobs; ``relay``
forwards media; ``recorder`` keeps it; ``turn`` is the way of last resort for media (docs/network.md). ``migrate``,
``demo`` and ``verify`` do one thing and end. Rooms are imported by the command that needs them, so that a recorder that
was killed is back at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import stat
import sys
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from supervisor import UNUSABLE, supervise

if TYPE_CHECKING:
    from settings import Settings

log = logging.getLogger("nghisu.server")
CHILDREN = ("serve", "relay", "recorder", "turn")
STANDBY = ("recorder",)
"""A second recorder waits, so that the loss of one costs no start (ADR 0005)."""
NOISY = ("aioice", "aiortc", "socketio", "engineio", "dbos", "alembic")


# -- commands that stay ----------------------------------------------------------------------------------------------


async def serve(settings: Settings) -> None:
    """Pages, API, signalling and durable jobs, until cancelled."""
    from aiohttp import web

    import house
    from recordings.archive import Archive
    from web.app import build
    from web.links import first_administrator_link
    from web.routes.archive import ARCHIVE
    from web.routes.whip import PORTER
    from web.tls import context

    async with house.opened(settings) as rooms:
        app = build(rooms.deps)
        app[ARCHIVE] = Archive(rooms.deps.database, rooms.films)
        app[PORTER] = rooms.porter
        rooms.sockets.attach(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        watching = asyncio.create_task(rooms.watch.run(), name="watch")
        try:
            tls = await asyncio.to_thread(context, settings) if settings.secure else None
            _make_way(settings.socket)
            await web.UnixSite(runner, str(settings.socket), backlog=64).start()
            os.chmod(settings.socket, stat.S_IRUSR | stat.S_IWUSR)
            host = None if settings.host == "::" else settings.host  # None: every address, of IPv4 too
            await web.TCPSite(runner, host, settings.port, ssl_context=tls, backlog=4096).start()
            print(f"Nghị Sự: {settings.base_url}", flush=True)
            if link := await first_administrator_link(rooms.deps):
                print(f"Tạo quản trị viên đầu tiên / First administrator: {link}", flush=True)
            _collect_seldom()
            await asyncio.Event().wait()
        finally:
            watching.cancel()
            await rooms.sockets.shutdown()
            await runner.cleanup()


def _collect_seldom() -> None:
    """What the start has made is not looked through again: a full collection stops every meeting of this server."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 1000)


def _make_way(door: Path) -> None:
    """For the door of relay and recorder, which only this user may open."""
    door.parent.mkdir(parents=True, exist_ok=True)
    door.unlink(missing_ok=True)


async def relay(settings: Settings, number: int = 0) -> None:
    from media.relay import RelayConfig, run

    host, port = settings.media
    server = settings.server or str(settings.socket)
    await run(
        RelayConfig(
            host,
            port + number,
            settings.announce,
            server,
            settings.token or "",
            number=number,
            pipe_address=settings.pipe_address,
        )
    )


def turn(settings: Settings) -> NoReturn:
    """Becomes the TURN server, for browsers that reach nothing but it. Raises ``OSError``."""
    from media.coturn import CoturnConfig, become
    from signaling.turn import derived
    from store.secret import secret
    from web.tls import files

    chain, key = files(settings) if settings.secure else (None, None)
    names = settings.announced or (settings.host,)
    peers = {str(found[4][0]) for name in names for found in socket.getaddrinfo(name, None)}
    become(
        CoturnConfig(
            program=settings.turn_server or Path("turnserver"),
            host=settings.turn_host or settings.host,
            port=settings.turn_port,
            tls_port=settings.turn_tls_port,
            secret=settings.turn_secret or derived(secret(settings.var)),
            peers=tuple(sorted(peers)),
            certificate=chain,
            key=key,
            folder=settings.var / "run" / "turn",
        )
    )


async def recorder(settings: Settings) -> None:
    from recordings.recorder import RecorderConfig, run

    server = settings.server or str(settings.socket)
    await run(RecorderConfig(server, settings.token or "", settings.var / "recordings"))


# -- commands that end -----------------------------------------------------------------------------------------------


async def migrate(settings: Settings) -> int:
    """Brings the databases to the form that this version expects."""
    import house
    from store.migrate import migrate

    rows = house.database(settings)
    try:
        await migrate(rows)
    finally:
        await rows.close()
    return 0


async def demo(settings: Settings) -> int:
    """Fills an office: two provinces, people, a meeting to come and one that is over. The product must not run."""
    import house
    from web.demo import fill

    if await _answers(settings.socket):
        print("Nghị Sự đang chạy; hãy dừng trước khi nạp dữ liệu mẫu. / Stop the product first.", file=sys.stderr)
        return 1
    async with house.opened(settings) as rooms:
        await fill(rooms.deps)
    return 0


async def _answers(socket: Path) -> bool:
    """Whether a server listens there."""
    try:
        _, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        return False
    writer.close()
    return True


async def verify(settings: Settings, meeting: str) -> int:
    """Checks the event chain and every file of a meeting. Returns the exit status."""
    import house
    from minutes.verify_words import verify_command
    from store.chain import Chain

    rows = house.database(settings)
    try:
        return await verify_command(rows, Chain(rows), house.files(settings, rows), meeting)
    finally:
        await rows.close()


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


def _settings(command: str) -> Settings:
    """Raises ``SystemExit`` with ``UNUSABLE`` and a line for each setting that cannot be used."""
    from pydantic import ValidationError

    from settings import Settings

    try:
        settings = Settings()  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        for fault in error.errors():
            print(f"NGHISU_{str(fault['loc'][0]).upper()}: {fault['msg']}", file=sys.stderr)
        raise SystemExit(UNUSABLE) from None
    logging.basicConfig(
        level=settings.log_level.upper(), format=f"%(asctime)s {command} %(levelname)s %(name)s: %(message)s"
    )
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return settings


def _processes(settings: Settings) -> list[tuple[str, ...]]:
    """The commands that ``up`` keeps running."""
    relays = [("relay", "--number", str(number)) for number in range(settings.relay_count)]
    turn = [("turn",)] if settings.turn_server else []
    return [("serve",), *relays, ("recorder",), STANDBY, *turn]


def _stay(command: str, *, supervised: bool, number: int = 0) -> int:
    """Runs a child of the supervisor. Returns ``UNUSABLE`` when it cannot run as configured."""
    import uvloop

    settings = _settings(command)
    if command == "turn":
        return _become_turn(settings)
    work = {"serve": serve, "relay": partial(relay, number=number), "recorder": recorder}[command]
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told(work(settings), supervised=supervised))
    except OSError as error:
        log.error("%s cannot run: %s", command, error)
        return UNUSABLE
    return 0


def _become_turn(settings: Settings) -> int:
    try:
        turn(settings)
    except OSError as error:
        log.error("turn cannot run: %s", error)
        return UNUSABLE


def main() -> int:
    parser = argparse.ArgumentParser(prog="server.py", description="Nghị Sự")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything")
    for name in CHILDREN:
        child = commands.add_parser(name)
        child.add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)
        if name == "relay":
            child.add_argument("--number", type=int, default=0, help="which relay of this machine")
    commands.add_parser("migrate", help="bring the databases up to date")
    commands.add_parser("demo", help="fill an office to look around in")
    commands.add_parser("verify", help="check the record of a meeting").add_argument("meeting", metavar="MEETING")
    given = parser.parse_args()
    os.chdir(Path(__file__).parent)
    match given.command:
        case "up":
            return asyncio.run(supervise(_processes(_settings("up"))))
        case "migrate":
            return asyncio.run(migrate(_settings("migrate")))
        case "demo":
            return asyncio.run(demo(_settings("demo")))
        case "verify":
            return asyncio.run(verify(_settings("verify"), given.meeting))
        case command:
            return _stay(command, supervised=given.supervised, number=getattr(given, "number", 0))


if __name__ == "__main__":
    sys.exit(main())
