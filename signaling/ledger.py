"""The one writer of a live meeting: judges waiting acts in order, writes their events, then says so.

No act is judged while an append is in flight. Acts that arrive meanwhile are judged together and share the next
transaction. When another server has written first, the tail is read and the batch judged again (``house.md``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from meetings.errors import MeetingError
from meetings.events import AnyEvent, Entry, decode, encode
from signaling.room import Room, apply, fold
from signaling.rules import Judgement
from store.chain import GENESIS, Chain, Line, SequenceTaken

Told = Callable[[Room, Room, Sequence[Entry]], None]
"""Called after each append with the Room before, the Room after and what lies between."""


@dataclass(frozen=True)
class _Waiting:
    judgement: Judgement
    done: asyncio.Future[Room]


@dataclass(frozen=True)
class _Judged:
    """A batch as judged: who is answered with the Room, what is to be written, who is refused and why."""

    accepted: list[_Waiting]
    events: list[AnyEvent]
    refused: list[tuple[_Waiting, Exception]]


class Ledger:
    """``room`` is what has been written; ``entries`` is the log that it is the fold of."""

    def __init__(self, meeting: str, chain: Chain, now: Callable[[], datetime], told: Told) -> None:
        self.meeting = meeting
        self.room = Room()
        self.entries: list[Entry] = []
        self._chain, self._now, self.told = chain, now, told
        self._head = GENESIS
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue()

    async def load(self) -> None:
        """Reads the log as far as it goes."""
        lines = await self._chain.read(self.meeting, after=self.room.seq)
        if lines:
            self._take(lines)

    async def submit(self, judgement: Judgement) -> Room:
        """The Room after the judgement's events were written. Raises what the judgement raises."""
        done: asyncio.Future[Room] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(_Waiting(judgement, done))
        return await done

    async def run(self) -> None:
        """Runs until cancelled; whoever waits then is told so."""
        batch: list[_Waiting] = []
        try:
            while True:
                batch = [await self._waiting.get()]
                while not self._waiting.empty():
                    batch.append(self._waiting.get_nowait())
                await self._write(batch)
                batch = []
        finally:
            while not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            for waiting in batch:
                waiting.done.cancel()

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        while True:
            judged = self._judge(batch)
            try:
                if judged.events:
                    now = self._now()
                    lines = [(now, encode(event)) for event in judged.events]
                    self._take(await self._chain.append(self.meeting, self.room.seq, self._head, lines))
                elif judged.refused and await self._behind():
                    continue
            except SequenceTaken:
                await self.load()
                continue
            except Exception as error:
                judged.refused.extend((waiting, error) for waiting in judged.accepted)
                judged.accepted.clear()
            self._answer(judged)
            return

    async def _behind(self) -> bool:
        """Whether another server has written since: what was refused may be allowed now."""
        seen = self.room.seq
        await self.load()
        return self.room.seq > seen

    def _judge(self, batch: Sequence[_Waiting]) -> _Judged:
        room, now, judged = self.room, self._now(), _Judged([], [], [])
        for waiting in batch:
            try:
                brought = list(waiting.judgement(room))
            except MeetingError as error:
                judged.refused.append((waiting, error))
                continue
            for event in brought:
                room = apply(room, Entry(room.seq + 1, now, event))
            judged.accepted.append(waiting)
            judged.events.extend(brought)
        return judged

    def _answer(self, judged: _Judged) -> None:
        for waiting in judged.accepted:
            if not waiting.done.done():
                waiting.done.set_result(self.room)
        for waiting, error in judged.refused:
            if not waiting.done.done():
                waiting.done.set_exception(error)

    def _take(self, lines: Sequence[Line]) -> None:
        entries = [Entry(line.seq, line.at, decode(line.payload)) for line in lines]
        before, self.room = self.room, fold(entries, self.room)
        self.entries.extend(entries)
        self._head = lines[-1].hash
        self.told(before, self.room, entries)
