"""A process full of load clients. It is told what to do by lines of JSON on standard input, and answers each by one."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.floor import FLOOR_SSRC
from bench.load import site as sites
from bench.load.audience import TURN, Audience, Sample
from bench.load.line import Ear
from bench.load.picture import Shape
from bench.load.sender import PlainSender, Sender
from bench.load.site import PATIENCE, Seat, Site
from bench.load.viewer import Session, answer_to, line_of, streams_of
from bench.machine import socket_drops

RELAY, FLOOR, JANUS = "relay", "floor", "janus"
Answer = dict[str, Any]


class Worker:
    def __init__(self) -> None:
        self.audience = Audience()
        self.sites: list[Site] = []
        self._ears: list[int] = []
        self._session: Session | None = None
        self._plain: PlainSender | None = None
        self._loop = asyncio.get_running_loop()
        self._capabilities: dict[str, Any] | None = None
        self._commands: dict[str, Callable[..., Awaitable[Answer]]] = {
            "join": self.join,
            "act": self.act,
            "leave": self.leave,
            "flowing": self.flowing,
            "ears": self.ears,
            "watch": self.watch,
            "feed": self.feed,
            "send": self.send,
            "hush": self.hush,
            "focus": self.focus,
            "sample": self.sample,
            "counts": self.counts,
            "sent": self.sent,
        }
        self.audience.focus = RELAY
        self._turn(self._loop.time())

    async def do(self, command: str, facts: dict[str, Any]) -> Answer:
        return await self._commands[command](**facts)

    # -- Commands

    async def join(self, url: str, seats: list[dict[str, Any]], at_once: int = 20, every: float = 0.0) -> Answer:
        """Lets sites in: ``at_once`` at the same moment, or one ``every`` so many seconds. Times are in ms."""
        if self._capabilities is None:
            self._capabilities = await sites.capabilities(url)
        gate = asyncio.Semaphore(at_once)
        began = self._loop.time()

        async def one(place: int, seat: Seat) -> float:
            if every:
                await asyncio.sleep(max(0.0, began + place * every - self._loop.time()))
            async with gate:
                start = self._loop.time()
                await self._join(url, seat)
                return (self._loop.time() - start) * 1000

        took = await asyncio.gather(*(one(place, Seat(**seat)) for place, seat in enumerate(seats)))
        gc.collect()
        gc.freeze()
        ports = {site.receive.peer[1] for site in self.sites if site.receive is not None}
        return {
            "joined": len(took),
            "seconds": self._loop.time() - began,
            "median_ms": statistics.median(took),
            "relay_ports": sorted(ports),
            "again": sum(site.again for site in self.sites),
        }

    async def act(self, place: int, act: str, facts: dict[str, Any]) -> Answer:
        await self.sites[place].act(act, **facts)
        return {}

    async def leave(self, count: int) -> Answer:
        """The last ``count`` sites leave."""
        leaving, self.sites = self.sites[len(self.sites) - count :], self.sites[: len(self.sites) - count]
        gone = {line for site in leaving for line in (site.receive, site.sending)}
        await asyncio.gather(*(site.leave() for site in leaving))
        for number, line in enumerate(self.audience.lines):
            if line in gone:
                self.audience.part(number)
        return {}

    async def flowing(self, group: str, count: int, seconds: float) -> Answer:
        """Waits until so many lines of a group have received picture and sound."""
        began = self._loop.time()
        for _ in range(int(seconds / TURN)):
            if (flowing := self.audience.flowing(group)) >= count:
                break
            await asyncio.sleep(TURN)
        else:
            flowing = self.audience.flowing(group)
        return {"flowing": flowing, "seconds": self._loop.time() - began}

    async def ears(self, port: int, count: int) -> Answer:
        """Opens sockets for the kernel's floor, sent from ``port``. Returns the ports of all that are open."""
        for _ in range(count):
            ear = Ear(("127.0.0.1", port))
            self.audience.expect(self.audience.add(ear, FLOOR), FLOOR_SSRC, "video", 90_000)
            self._ears.append(ear.socket.getsockname()[1])
        return {"ports": self._ears}

    async def watch(self, url: str, mountpoint: int, count: int) -> Answer:
        """Lets viewers watch a mountpoint of Janus, 25 at once: each waits a second until a flight is taken."""
        if self._session is None:
            self._session = Session(url)
            await self._session.open()
        session, gate = self._session, asyncio.Semaphore(25)

        async def one() -> None:
            async with gate, asyncio.timeout(PATIENCE):
                await self._watch(session, mountpoint)

        await asyncio.gather(*(one() for _ in range(count)))
        return {}

    async def feed(self, audio: int, video: int) -> Answer:
        """The sender of this process sends plain RTP to these ports of the machine."""
        self._plain = PlainSender(audio, video)
        return {}

    async def send(self, shape: Shape, frames: float) -> Answer:
        for sender in self._senders():
            sender.start(shape, frames)
        return {}

    async def hush(self) -> Answer:
        for sender in self._senders():
            sender.stop()
        return await self.sent()

    async def sent(self) -> Answer:
        senders = self._senders()
        return {
            "video": sum(sender.sent["video"] for sender in senders),
            "audio": sum(sender.sent["audio"] for sender in senders),
            "key_frames": sum(sender.key_frames for sender in senders),
            "repeated": sum(sender.repeated for sender in senders),
            "unsent": sum(sender.unsent for sender in senders),
        }

    async def focus(self, group: str) -> Answer:
        self.audience.focus = group
        return {}

    async def sample(self, every: int) -> Answer:
        """Begins a new sample of one packet in ``every``."""
        self.audience.sample = Sample(every)
        return {}

    async def counts(self, group: str) -> Answer:
        audience, sample = self.audience, self.audience.sample
        transits = sorted(sample.transits)
        return {
            **audience.received(group),
            "lost": audience.streams.lost(),
            "strange": audience.strange,
            "nacks": audience.nacks,
            "feedbacks": audience.feedbacks,
            "compared": sample.compared,
            "differing": sample.differing,
            "refused": sample.refused,
            "transit_ms": [transits[round(place * (len(transits) - 1))] / 1000 for place in (0.5, 0.99, 1)]
            if transits
            else None,
            "dropped": socket_drops(line.socket for line in audience.lines if line.socket.fileno() >= 0),
            "cpu": time.process_time(),
        }

    # --

    def _senders(self) -> list[Sender]:
        if self._plain is not None:
            return [self._plain]
        return [site.sender for site in self.sites if site.sender is not None]

    async def _join(self, url: str, seat: Seat) -> None:
        assert self._capabilities is not None
        site = Site(seat)
        await site.join(url, self._capabilities, self._listen)
        self.sites.append(site)

    async def _watch(self, session: Session, mountpoint: int) -> None:
        handle, offer = await session.watch(mountpoint)
        line = line_of(offer)
        number = self.audience.add(line, JANUS)
        line.on_rtcp = self.audience.reports_of(number)
        for ssrc, kind, rate in streams_of(offer):
            self.audience.expect(number, ssrc, kind, rate)
        await session.start(handle, answer_to(offer, line.socket.getsockname()))
        await line.connect()

    def _listen(self, site: Site) -> None:
        """The lines of a site are made: what comes on them is counted."""
        assert site.receive is not None
        number = self.audience.add(site.receive, RELAY)
        site.receive.on_rtcp = self.audience.reports_of(number)
        for slot in site.slots.values():
            parameters = slot["rtp_parameters"]
            encoding, rate = parameters["encodings"][0], parameters["codecs"][0]["clockRate"]
            self.audience.expect(number, encoding["ssrc"], slot["kind"], rate)
            if "rtx" in encoding:
                self.audience.expect(number, encoding["rtx"]["ssrc"], "repair", rate)
        if site.sending is not None:
            self.audience.add(site.sending, RELAY)

    def _turn(self, due: float) -> None:
        self.audience.turn()
        now = self._loop.time()
        due = max(due + TURN, now + 0.001)
        self._loop.call_at(due, self._turn, due)


async def run() -> None:
    """Until standard input ends."""
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    worker = Worker()
    gc.set_threshold(50_000, 50, 1000)
    while line := await commands.readline():
        asked = json.loads(line)
        try:
            answer = {"ok": await worker.do(asked.pop("do"), asked)}
        except Exception as error:
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)
    os._exit(0)
