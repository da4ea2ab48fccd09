"""Two relays that carry one meeting, and the server between them: real ports, desks and pipes in one process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from relay_packets import Seen
from relay_stand import RawBrowser, Stand, browser, standing

from media import messages as m
from media.link import RelayError, RelayLink
from media.pipe import Pipe
from media.span import Span


class Lossy:
    """Lies between the ends of a pipe and lets pass what ``drops`` does not take. Counts what passes."""

    def __init__(self) -> None:
        self.drops: Callable[[bytes], bool] = lambda datagram: False
        self.passed: list[bytes] = []
        self._ends: list[tuple[socket.socket, tuple[str, int]]] = []

    def stands_for(self, address: str, port: int) -> tuple[str, int]:
        """The address that takes the place of one end's."""
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.setblocking(False)
        end.bind(("127.0.0.1", 0))
        self._ends.append((end, (address, port)))
        place = len(self._ends) - 1
        asyncio.get_running_loop().add_reader(end.fileno(), self._readable, place)
        return end.getsockname()

    def close(self) -> None:
        for end, _ in self._ends:
            asyncio.get_running_loop().remove_reader(end.fileno())
            end.close()

    def _readable(self, place: int) -> None:
        """What an end sends to the other one's stand-in leaves by its own stand-in."""
        mine, far = self._ends[place]
        other, _ = self._ends[1 - place]
        while True:
            try:
                datagram = mine.recv(2048)
            except OSError:
                return
            if not self.drops(datagram):
                self.passed.append(datagram)
                other.sendto(datagram, far)


class TwoRelays:
    """``wish`` is what the server wants; it is carried out again whenever something changes. ``asked`` keeps
    the requests, ``failures`` counts the rounds that failed."""

    def __init__(self, one: Stand, other: Stand) -> None:
        self.one, self.other = one, other
        self.wish = m.Route("m", None, "camera", (), ())
        self.asked: list[str] = []
        self.failures = 0
        self.slow = asyncio.Event()
        self.slow.set()
        """Cleared, requests for pipes are not answered."""
        self.lossy = Lossy()
        self._links: dict[str, RelayLink] = {}
        self._read: dict[str, int] = {}
        for stand in (one, other):
            self._links[stand.desk.id] = RelayLink(stand.desk.inventory(), self._asker(stand))
            self._read[stand.desk.id] = 0
        self.heard: list[tuple[str, ...]] = []
        self.watched: list[tuple[str, ...]] = []
        """What senders were told."""
        self.span = self.new_span()

    def new_span(self) -> Span:
        """As a server makes it that has just started."""
        self.span = Span("m", self)
        self.span.on_change = self._change
        self._changed = True
        return self.span

    available = True

    def link(self, relay: str) -> RelayLink | None:
        return self._links.get(relay)

    def place(self, held: Mapping[str, int]) -> str | None:
        return self.one.desk.id

    def route(self, **changes: Any) -> None:
        self.wish = msgspec.structs.replace(self.wish, **changes)
        self._changed = True

    def dies(self, stand: Stand) -> None:
        """The server has lost the connection of this relay."""
        del self._links[stand.desk.id]
        self.span.lose(stand.desk.id)
        self._changed = True

    @asynccontextmanager
    async def browser(self, stand: Stand, name: str, *producers: m.NewProducer) -> AsyncIterator[RawBrowser]:
        self.span.homes[name] = stand.desk.id
        async with browser(stand, name, *producers) as made:
            yield made

    def pipe(self, stand: Stand) -> Pipe:
        (pipe,) = stand.desk.routers["m"].pipes._pipes.values()
        return pipe

    async def serve(self) -> None:
        """The server's part, until cancelled."""
        while True:
            await asyncio.sleep(0.01)
            for stand in (self.one, self.other):
                told = stand.notices[self._read[stand.desk.id] :]
                self._read[stand.desk.id] += len(told)
                for notice in told if stand.desk.id in self._links else ():
                    if isinstance(notice, m.ProducerStarted):
                        self._changed |= self.span.started(stand.desk.id, notice.endpoint, notice.producer)
                    elif isinstance(notice, m.EncodingsWatched):
                        if self.span.watched(stand.desk.id, notice):
                            self.watched.append(notice.rids)
                    elif isinstance(notice, m.Heard) and self.span.heard(stand.desk.id, notice.endpoints):
                        self.heard.append(notice.endpoints)
            if self._changed:
                self._changed = False
                try:
                    await self.span.route(self.wish)
                except (RelayError, TimeoutError):
                    self.failures += 1
                    self._changed = True

    def _change(self) -> None:
        self._changed = True

    def _asker(self, stand: Stand) -> Callable[[str, Any], Any]:
        async def ask(request: str, wish: Any) -> Any:
            body = msgspec.to_builtins(wish)
            self.asked.append(request)
            if "pipe" in request:
                await self.slow.wait()
            if request == "connect_pipe":
                body["address"], body["port"] = self.lossy.stands_for(body["address"], body["port"])
            return msgspec.to_builtins(stand.desk.handle(request, body))

        return ask


@asynccontextmanager
async def two_relays() -> AsyncIterator[TwoRelays]:
    async with standing() as one, standing() as other:
        made = TwoRelays(one, other)
        serving = asyncio.create_task(made.serve(), name="server")
        try:
            yield made
        finally:
            serving.cancel()
            await asyncio.wait([serving])
            made.lossy.close()
            if not serving.cancelled() and (error := serving.exception()) is not None:
                raise error


def numbers(seen: list[Seen]) -> list[int]:
    """Sequence numbers from the first on, without wrapping."""
    return [(packet.sequence - seen[0].sequence + 0x8000 & 0xFFFF) - 0x8000 for packet in seen]
