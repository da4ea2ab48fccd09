"""All pipes of one router, as the server wishes them; requests are idempotent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, ItemsView, Iterator

from media.messages import ClosePipe, ConnectPipe, FeedPipe, OpenPipe, PipeInventory, PipeOffer, Source
from media.pipe import Find, Pipe, PipeRefused
from media.producer import Producer, Watcher
from media.rtp import Packet
from media.uplink import Uplink
from media.wire import Wire

Gone = Callable[[list[tuple[str, Source]]], None]


class Pipes:
    """``find`` tells this relay's own producers; ``on_changed`` is told what is no longer received, after every
    change."""

    def __init__(
        self, *, address: str, wire: Wire, packet: Packet, watcher: Watcher, find: Find, on_changed: Gone
    ) -> None:
        self._address, self._wire, self._packet, self._watcher = address, wire, packet, watcher
        self._find, self._on_changed = find, on_changed
        self._pipes: dict[str, Pipe] = {}

    def open(self, wish: OpenPipe) -> PipeOffer:
        """Raises ``PipeRefused``."""
        pipe = self._pipes.get(wish.pipe)
        if pipe is None:
            pipe = self._pipes[wish.pipe] = Pipe(
                wish, address=self._address, wire=self._wire, packet=self._packet, watcher=self._watcher
            )
            asyncio.get_running_loop().add_reader(pipe.fd, pipe.readable)
        elif pipe.wish != wish:
            raise PipeRefused("keys")
        return pipe.offer()

    def connect(self, wish: ConnectPipe) -> None:
        """Raises ``PipeRefused``."""
        self._known(wish.pipe).connect(wish)

    def feed(self, wish: FeedPipe) -> None:
        """Raises ``PipeRefused``."""
        self._on_changed(self._known(wish.pipe).feed(wish, self._find))

    def close(self, wish: ClosePipe) -> None:
        pipe = self._pipes.pop(wish.pipe, None)
        if pipe is not None:
            self._on_changed(self._end(pipe))

    def close_all(self) -> None:
        pipes, self._pipes = self._pipes, {}
        for pipe in pipes.values():
            self._end(pipe)

    def uplinks(self) -> Iterator[tuple[str, Uplink]]:
        """What comes from other relays, by endpoint."""
        for pipe in self._pipes.values():
            yield from pipe.uplinks.items()

    def producer(self, endpoint: str, source: Source) -> Producer | None:
        for pipe in self._pipes.values():
            uplink = pipe.uplinks.get(endpoint)
            if uplink is not None and (producer := uplink.producers.get(source)) is not None:
                return producer
        return None

    def inventory(self) -> tuple[PipeInventory, ...]:
        return tuple(pipe.inventory() for pipe in self._pipes.values())

    def tick(self, now: int) -> None:
        for pipe in self._pipes.values():
            pipe.tick(now)

    def tick_second(self, now: int) -> None:
        for pipe in self._pipes.values():
            pipe.tick_second(now)

    def items(self) -> ItemsView[str, Pipe]:
        return self._pipes.items()

    def _known(self, id: str) -> Pipe:
        pipe = self._pipes.get(id)
        if pipe is None:
            raise PipeRefused("unknown")
        return pipe

    @staticmethod
    def _end(pipe: Pipe) -> list[tuple[str, Source]]:
        asyncio.get_running_loop().remove_reader(pipe.fd)
        return pipe.close()
