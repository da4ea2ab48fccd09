"""All live meetings of this server: opened when somebody enters, rebuilt from the log after a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from media.fleet import Fleet
from media.messages import EncodingsWatched, Heard, ProducerStarted, SlotsShow
from meetings import queries
from meetings.events import RecordingGap
from meetings.meeting import State
from meetings.tables import Meeting
from signaling.conductor import Conductor, site_of
from signaling.ledger import Ledger
from signaling.live import LiveRoom, Post
from signaling.ports import Recorder
from store.chain import Chain
from store.database import Database
from store.watch import Watch

log = logging.getLogger("nghisu.hall")


class Hall:
    """``post`` carries letters; it is set once, by the namespace that owns the sockets."""

    post: Post

    def __init__(
        self,
        *,
        database: Database,
        chain: Chain,
        watch: Watch,
        relays: Fleet,
        recorder: Recorder,
        now: Callable[[], datetime],
    ) -> None:
        self._database, self._chain, self._watch = database, chain, watch
        self._relays, self._recorder, self._now = relays, recorder, now
        self._rooms: dict[str, LiveRoom] = {}
        self._tasks: dict[str, list[asyncio.Task[Any]]] = {}
        self._opening = asyncio.Lock()

    async def start(self) -> None:
        """Rebuilds the meetings that were under way."""
        async with self._database.begin() as session:
            live = (await session.scalars(select(Meeting.id).where(Meeting.state == State.LIVE))).all()
        for meeting in live:
            await self.room(meeting)

    async def stop(self) -> None:
        tasks = [task for tasks in self._tasks.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._rooms.clear()
        self._tasks.clear()

    async def room(self, meeting: str) -> LiveRoom:
        """The live Room of a meeting, prepared with the facts as convened. Raises ``NotFound``."""
        async with self._opening:
            if (found := self._rooms.get(meeting)) is not None:
                return found
            async with self._database.begin() as session:
                facts = await queries.facts(session, meeting)
            ledger = Ledger(meeting, self._chain, self._now, lambda before, after, entries: None)
            await ledger.load()
            conductor = Conductor(meeting, self._relays.span(meeting), self._recorder)
            room = LiveRoom(
                ledger=ledger,
                conductor=conductor,
                post=self.post,
                now=self._now,
                recorder_here=self._recorder.available,
            )

            def told(*change: Any) -> None:
                room.told(*change)
                self._watch.wake(meeting)

            ledger.told = told
            room.awaken()
            self._tasks[meeting] = [asyncio.create_task(task, name=meeting) for task in room.tasks()]
            await room.facts_changed(facts)
            self._rooms[meeting] = room
            return room

    # -- What the pages ask (``web.ports.Rooms``)

    async def facts_changed(self, meeting: str) -> None:
        if (room := self._rooms.get(meeting)) is not None:
            async with self._database.begin() as session:
                facts = await queries.facts(session, meeting)
            await room.facts_changed(facts)

    async def cancelled(self, meeting: str) -> None:
        if (room := self._rooms.get(meeting)) is not None:
            await room.turn_away_all("cancelled")

    def present(self, meeting: str) -> int:
        room = self._rooms.get(meeting)
        return len(room.presence.connections) if room else 0

    def processes(self) -> dict[str, bool | int]:
        relays = self._relays
        return {"relay": relays.available, "relays": relays.relays, "recorder": self._recorder.available}

    def totals(self) -> dict[str, int]:
        """How many meetings are open, seats taken, sockets connected and recordings under way."""
        open_ = [live for live in self._rooms.values() if live.room.state == "open"]
        return {
            "meetings": len(open_),
            "seats": sum(len(live.room.seated()) for live in open_),
            "sockets": sum(len(live.presence.connections) for live in self._rooms.values()),
            "recordings": sum(live.room.recording is not None for live in open_),
        }

    def meetings(self) -> list[str]:
        """The meetings that are live here."""
        return list(self._rooms)

    # -- What the relay tells

    async def relay_returned(self, meetings: Collection[str]) -> None:
        """Relays have come and hold media of these meetings."""
        for meeting in meetings - self._rooms.keys():
            try:
                await self.room(meeting)
            except Exception:
                log.exception("a relay holds meeting %s, which cannot be opened", meeting)
        for room in self._rooms.values():
            room.relay_returned()

    async def relay_lost(self, lost: Mapping[str, Collection[str]]) -> None:
        """A relay is gone, and with it these endpoints of these meetings."""
        for meeting, endpoints in lost.items():
            if (room := self._rooms.get(meeting)) is not None:
                room.relay_lost(endpoints)

    async def slots_show(self, notice: SlotsShow) -> None:
        if (room := self._rooms.get(notice.router)) is not None:
            room.slots_show(notice.endpoints, notice.shows)

    async def encodings_watched(self, notice: EncodingsWatched) -> None:
        if (room := self._rooms.get(notice.router)) is not None:
            room.encodings_watched(notice.endpoint, notice.source, notice.rids)

    async def heard(self, notice: Heard) -> None:
        if (room := self._rooms.get(notice.router)) is not None:
            room.heard(tuple(site_of(endpoint) for endpoint in notice.endpoints))

    async def producer_started(self, notice: ProducerStarted) -> None:
        if (room := self._rooms.get(notice.router)) is not None:
            room.conductor.producer_started()

    # -- What the recorder tells

    async def recorder_returned(self, open_recordings: Iterable[str]) -> None:
        """The recorder is here; what it still keeps and no meeting wants is stopped."""
        for recording in open_recordings:
            meeting = recording.rpartition("-")[0]
            wanted = (await self.room(meeting)).room.recording
            if wanted is None or wanted.id != recording:
                await self._recorder.stop(meeting, recording)
        for room in self._rooms.values():
            room.recorder_is(here=True)

    async def recorder_lost(self) -> None:
        for room in self._rooms.values():
            room.recorder_is(here=False)

    async def recording_gap(self, meeting: str, gap: RecordingGap) -> None:
        room = await self.room(meeting)
        await room.recording_gap(gap)
