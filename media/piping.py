"""Keeps the pipes between the relays of one router in step with what each relay needs of the others.

Level-triggered: ``follow`` compares what should be piped with what the ends were told, and tells them again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from media.link import RelayError, RelayLink, RelayRefused, RelayUnavailable
from media.messages import (
    PIPE_KEY,
    ClosePipe,
    ConnectPipe,
    FeedPipe,
    OpenPipe,
    PipeInventory,
    PipeStream,
    ProducerInventory,
    Source,
)
from media.routing import Feed

log = logging.getLogger("nghisu.relay.piping")
LINGER = 10.0
"""Seconds for which a producer is piped on that nobody needs any more: a speaker pauses, a tile comes back."""

ROOM = 16
"""SSRCs set aside for one producer: eight encodings and their repetitions."""

Pair = tuple[str, str]
Key = tuple[str, str, Source]
"""The receiving relay, then the producer."""
Producers = Mapping[str, Mapping[Source, ProducerInventory]]


@dataclass
class _Pipe:
    """``told``: what each end was last fed, once it is open and joined."""

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    keys: tuple[str, str] = field(default_factory=lambda: (secrets.token_hex(PIPE_KEY), secrets.token_hex(PIPE_KEY)))
    joined: bool = False
    told: dict[str, FeedPipe] = field(default_factory=dict[str, FeedPipe])


class Piping:
    """``link`` finds a relay that is connected."""

    def __init__(self, router: str, link: Callable[[str], RelayLink | None]) -> None:
        self._router, self._link = router, link
        self._pipes: dict[Pair, _Pipe] = {}
        self._streams: dict[Key, PipeStream] = {}
        self._unneeded: dict[Key, float] = {}
        """Since when."""
        self._watched: dict[Key, frozenset[str]] = {}
        """Rids of the encodings that a relay takes, of those of which it told."""
        self._found: dict[str, list[tuple[str, PipeInventory]]] = {}
        """Ends of pipes that relays hold and that are not ours, by their id."""
        self._next_ssrc = ROOM

    def adopt(self, relay: str, pipe: PipeInventory) -> None:
        """A relay that has come holds this end of a pipe. With both ends found it goes on; else it is closed."""
        ends = self._found.setdefault(pipe.pipe, [])
        ends.append((relay, pipe))
        for stream in (*pipe.sends, *pipe.receives):
            self._next_ssrc = max(self._next_ssrc, stream.ssrc + ROOM)
        if len(ends) < 2:
            return
        (one, _), (other, _) = ends
        if one == other or _pair(one, other) in self._pipes:
            return
        del self._found[pipe.pipe]
        told = {end: FeedPipe(self._router, pipe.pipe, held.sends, held.receives, held.paused) for end, held in ends}
        self._pipes[_pair(one, other)] = _Pipe(pipe.pipe, joined=True, told=told)
        for end, held in ends:
            for stream in held.receives:
                self._streams[end, stream.endpoint, stream.source] = stream

    def renewed(self, endpoint: str, source: Source) -> None:
        """The producer is another one than before: it is piped under a new SSRC."""
        for key in [key for key in self._streams if key[1:] == (endpoint, source)]:
            del self._streams[key]
            self._watched.pop(key, None)

    def watched(self, relay: str, endpoint: str, source: Source, rids: Iterable[str]) -> bool:
        """A relay takes these encodings of what is piped to it. Returns whether that is news."""
        key: Key = (relay, endpoint, source)
        before, now = self._watched.get(key), frozenset(rids)
        self._watched[key] = now
        return before != now

    def lose(self, relay: str) -> None:
        """A relay is gone. Its pipes' other ends are closed by the next ``follow``."""
        for pair in [pair for pair in self._pipes if relay in pair]:
            self._give_up(pair)
        self._streams = {key: stream for key, stream in self._streams.items() if key[0] != relay}
        self._watched = {key: rids for key, rids in self._watched.items() if key[0] != relay}

    async def follow(
        self, needs: Mapping[str, set[Feed]], homes: Mapping[str, str], producers: Producers, now: float
    ) -> float | None:
        """Pipes what is needed. Returns when to call again, if nothing else happens. Raises ``RelayError``; a pipe that
        an end refuses, because its router was closed meanwhile, is made anew by the next call."""
        self._choose(needs, producers, now)
        wanted = {_pair(key[0], homes[key[1]]) for key in self._streams if key[1] in homes}
        for pair in self._pipes.keys() - wanted:
            self._give_up(pair)
        await self._close_found()
        for pair in sorted(wanted):
            try:
                await self._follow_pair(pair, homes)
            except RelayRefused:
                self._give_up(pair)
                raise
        return min(self._unneeded.values()) + LINGER if self._unneeded else None

    async def _follow_pair(self, pair: Pair, homes: Mapping[str, str]) -> None:
        pipe = self._pipes.setdefault(pair, _Pipe())
        if not pipe.joined:
            await self._join(pair, pipe)
        for end in pair:
            wish = self._wish(pair, end, pipe, homes)
            if pipe.told.get(end) != wish:
                await self._at(end).feed_pipe(wish)
                pipe.told[end] = wish

    def _choose(self, needs: Mapping[str, set[Feed]], producers: Producers, now: float) -> None:
        """Which streams there should be."""
        wanted: set[Key] = set()
        for relay, feeds in needs.items():
            for feed in feeds:
                known = producers.get(feed.endpoint, {}).get(feed.source)
                if known is not None:
                    key = (relay, feed.endpoint, feed.source)
                    wanted.add(key)
                    if key not in self._streams:
                        self._streams[key] = self._stream(feed, known)
        for key in wanted:
            self._unneeded.pop(key, None)
        for key in self._streams.keys() - wanted:
            relay, endpoint, source = key
            since = self._unneeded.setdefault(key, now)
            if now - since >= LINGER or source not in producers.get(endpoint, {}) or relay not in needs:
                del self._streams[key]
        self._unneeded = {key: since for key, since in self._unneeded.items() if key in self._streams}

    def _stream(self, feed: Feed, known: ProducerInventory) -> PipeStream:
        ssrc, self._next_ssrc = self._next_ssrc, self._next_ssrc + ROOM
        return PipeStream(
            endpoint=feed.endpoint,
            source=feed.source,
            kind=known.kind,
            mime_type=known.mime_type,
            clock_rate=known.clock_rate,
            channels=known.channels,
            encodings=known.encodings,
            ssrc=ssrc,
        )

    def _wish(self, pair: Pair, end: str, pipe: _Pipe, homes: Mapping[str, str]) -> FeedPipe:
        other = pair[0] if pair[1] == end else pair[1]
        sends = tuple(self._between(end, other, homes))
        paused = tuple(ssrc for stream in sends for ssrc in self._paused(other, stream))
        return FeedPipe(self._router, pipe.id, sends, tuple(self._between(other, end, homes)), paused)

    def _between(self, sender: str, receiver: str, homes: Mapping[str, str]) -> Iterator[PipeStream]:
        for (relay, endpoint, _), stream in self._streams.items():
            if relay == receiver and homes.get(endpoint) == sender:
                yield stream

    def _paused(self, relay: str, stream: PipeStream) -> Iterator[int]:
        """The SSRCs of a stream that its receiving relay does not take."""
        watched = self._watched.get((relay, stream.endpoint, stream.source))
        if watched is not None and stream.encodings > 1:
            for place in range(stream.encodings):
                if f"r{place}" not in watched:
                    yield stream.ssrc + 2 * place

    async def _join(self, pair: Pair, pipe: _Pipe) -> None:
        one, other = self._at(pair[0]), self._at(pair[1])
        here = await one.open_pipe(OpenPipe(self._router, pipe.id, *pipe.keys))
        there = await other.open_pipe(OpenPipe(self._router, pipe.id, *reversed(pipe.keys)))
        await one.connect_pipe(ConnectPipe(self._router, pipe.id, there.address, there.port))
        await other.connect_pipe(ConnectPipe(self._router, pipe.id, here.address, here.port))
        pipe.joined = True

    def _give_up(self, pair: Pair) -> None:
        """The pipe is no longer ours; its ends are to be closed."""
        pipe = self._pipes.pop(pair)
        self._found[pipe.id] = [(end, PipeInventory(pipe.id, (), ())) for end in pair]

    async def _close_found(self) -> None:
        for id in list(self._found):
            for relay, _ in self._found[id]:
                await self._close(relay, id)
            del self._found[id]

    async def _close(self, relay: str, pipe: str) -> None:
        """A relay that is gone, or whose router is closed, has no pipe either."""
        link = self._link(relay)
        if link is not None:
            try:
                await link.close_pipe(ClosePipe(self._router, pipe))
            except RelayError as error:
                log.info("pipe %s is left to relay %s: %s", pipe, relay, error)

    def _at(self, relay: str) -> RelayLink:
        """Raises ``RelayUnavailable``."""
        link = self._link(relay)
        if link is None:
            raise RelayUnavailable(relay)
        return link


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)
