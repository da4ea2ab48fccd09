"""A server with a real recorder process beside it, and a small relay that sends real media."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import socketio
from aiohttp import web
from small_relay import SmallRelay
from studio import reel, tone

from meetings.events import RecordingGap
from recordings import journal, matroska
from recordings.director import Director
from recordings.journal import Journal
from recordings.link import RecorderLink
from recordings.messages import Inventory

ROOT = Path(__file__).parent.parent.parent
CODE = """
import asyncio, signal, sys
from pathlib import Path
from recordings.recorder import RecorderConfig, run

async def main():
    work = asyncio.ensure_future(run(RecorderConfig(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        pass

asyncio.run(main())
"""
GENEROUS = 60.0


@dataclass(frozen=True)
class Frame:
    """When it was made, came to the relay, and went from there to the recorder: milliseconds of media time."""

    filmed: float
    arrived: float
    sent: float


@dataclass
class Stand:
    folder: Path
    socket: Path
    relay: SmallRelay
    link: RecorderLink = field(default_factory=lambda: RecorderLink("secret"))
    gaps: list[tuple[str, RecordingGap]] = field(default_factory=list[tuple[str, RecordingGap]])
    processes: dict[int, asyncio.subprocess.Process] = field(default_factory=dict[int, asyncio.subprocess.Process])
    returns: int = 0
    runner: web.AppRunner | None = None

    def __post_init__(self) -> None:
        self.director = self.directed()

    def directed(self) -> Director:
        """A director that knows nothing yet, as after the server's start."""
        director = Director(self.link, self.relay, self._gap)

        async def returned(inventory: Inventory) -> None:
            await director.recorder_returned(inventory)
            self.returns += 1

        self.link.on_returned, self.link.on_away = returned, director.recorder_away
        self.link.on_missing = director.media_missing
        return director

    async def _gap(self, meeting: str, gap: RecordingGap) -> None:
        self.gaps.append((meeting, gap))

    async def serve(self) -> None:
        sockets = socketio.AsyncServer(async_mode="aiohttp")
        sockets.register_namespace(self.link)
        app = web.Application()
        sockets.attach(app)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.UnixSite(self.runner, str(self.socket)).start()

    async def stop_serving(self) -> None:
        if self.runner:
            await self.runner.cleanup()
            self.runner = None
        self.socket.unlink(missing_ok=True)

    async def start_recorder(self, token: str = "secret") -> asyncio.subprocess.Process:
        """Starts a process and waits until it is there, and until every wish is carried out."""
        before = self.returns
        alone = not self.link.available
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CODE, str(self.socket), token, str(self.folder), cwd=ROOT
        )
        self.processes[process.pid] = process
        if token == "secret":
            await until(lambda: process.pid in {inventory.pid for inventory in self.link.recorders})
            await until(lambda: not alone or self.returns > before)
        return process

    async def end_recorder(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends whoever keeps the recording."""
        keeper = self.link.holder("m1-3")
        if keeper:
            await self.end(self.processes[keeper.pid], number)
            await until(lambda: keeper.pid not in {inventory.pid for inventory in self.link.recorders})

    async def end(self, process: asyncio.subprocess.Process, number: signal.Signals = signal.SIGKILL) -> None:
        if process.returncode is None:
            process.send_signal(number)
            await asyncio.wait_for(process.wait(), GENEROUS)

    async def kill_and_restart(self) -> None:
        """Kills whoever keeps the recording; waits until it is kept again, and until another stands by again."""
        before = self.returns
        await self.end_recorder()
        await asyncio.gather(self.start_recorder(), until(lambda: self.returns > before))

    def journal(self, recording: str) -> Journal:
        found = journal.load(self.folder / recording)
        assert found
        return found

    def frames(self, recording: str, endpoint: str, source: str) -> list[Frame]:
        """What went to the recorder of a producer: whole frames, from the first on with which a file can begin."""
        producer, zero = self.relay.producers[endpoint, source], self.journal(recording).begun.zero_us
        video = producer.inventory.kind == "video"
        out = producer.out
        first = next((place for place, (_, packet) in enumerate(out) if packet.key_start or not video), len(out))
        return [
            Frame(
                filmed=(producer.begun_us + packet.at * 1e6 - zero) / 1000,
                arrived=(packet.arrival - zero) / 1000,
                sent=(sent - zero) / 1000,
            )
            for sent, packet in out[first:]
            if packet.marker or not video
        ]

    @property
    def late(self) -> float:
        """By how many milliseconds this machine has been late so far."""
        return self.relay.late_us / 1000

    def stretches(self, recording: str, track: str) -> list[tuple[int, int]]:
        """What each file of a track holds, by its own time stamps: (first, last), in milliseconds."""
        files = [file.file for file in self.journal(recording).files if file.track == track]
        found = [matroska.blocks(self.folder / recording / file) for file in files]
        return [(held[0].at, held[-1].at) for held in found if held]


async def until(condition: Callable[[], bool]) -> None:
    """Waits, generously: the machine may be slow."""
    async with asyncio.timeout(GENEROUS):
        while not condition():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def open_stand() -> AsyncGenerator[Stand]:
    with tempfile.TemporaryDirectory(prefix="stand") as name:
        for made_beforehand in (reel("vp8"), reel("h264"), tone(440.0)):
            assert made_beforehand
        relay = SmallRelay()
        stand = Stand(Path(name) / "recordings", Path(name) / "s.sock", relay)
        try:
            await stand.serve()
            yield stand
        finally:
            for process in stand.processes.values():
                await stand.end(process)
            await relay.close()
            await stand.stop_serving()
