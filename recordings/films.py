"""From the stop of a recording to its film: the watcher that queues the work, the job that does it, the clock of it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.events import Entry, MeetingAdjourned, RecordingStarted, RecordingStopped, decode
from recordings import journal
from recordings.compose import ComposeFailed, compose
from recordings.ffmpeg import FfmpegFailed
from recordings.journal import Journal
from recordings.material import Material, survey
from recordings.mediatime import MediaClock
from recordings.messages import StopRecording
from recordings.ports import Recorder
from recordings.program import programme
from recordings.tables import RecordingRow
from store.chain import Chain, Line, microseconds
from store.database import Database
from store.files import Files, Placed
from store.jobs import GiveUp, Jobs

log = logging.getLogger("nghisu.recordings")
JOB = "compose"
WORK = "work"
EDGE = 0.5
"""Moments this close to the ends of a film are in it, in seconds."""


class Films:
    """A watcher of the log (``store.watch``), the handler of the job ``compose``, and ``minutes.ports.FilmTime``.

    ``folder`` is where the recorder keeps its recordings.
    """

    def __init__(
        self, *, database: Database, chain: Chain, files: Files, jobs: Jobs, recorder: Recorder, folder: Path
    ) -> None:
        self._database, self._chain, self._files, self._jobs = database, chain, files, jobs
        self._recorder, self._folder = recorder, folder

    def register(self) -> None:
        """Before the jobs start. One film at a time: it uses every core."""
        self._jobs.register(JOB, self.compose, queue=JOB, attempts=6, concurrency=1)

    # -- the watcher ----------------------------------------------------------------------------------------------

    async def __call__(self, meeting: str, lines: Sequence[Line]) -> None:
        """A row when a recording starts; the job, in one transaction with the new state, when it stops."""
        for line in lines:
            match decode(line.payload):
                case RecordingStarted(recording=recording):
                    await self._begin(meeting, recording, line.at)
                case RecordingStopped(recording=recording):
                    await self._queue(meeting, recording)
                case MeetingAdjourned():
                    for recording in await self._open_recordings(meeting):
                        await self._queue(meeting, recording)
                case _:
                    pass

    async def _begin(self, meeting: str, recording: str, at: datetime) -> None:
        async with self._database.begin() as session:
            if await session.get(RecordingRow, recording) is None:
                session.add(RecordingRow(id=recording, meeting=meeting, started_at=at))

    async def _queue(self, meeting: str, recording: str) -> None:
        async with self._database.begin() as session:
            row = await session.get(RecordingRow, recording)
            if row is not None and row.state == "recording":
                row.state = "composing"
                payload = {"meeting": meeting, "recording": recording}
                await self._jobs.enqueue(JOB, payload, id=f"{JOB}:{recording}", session=session)

    async def _open_recordings(self, meeting: str) -> list[str]:
        async with self._database.begin() as session:
            rows = await session.scalars(
                select(RecordingRow.id).where(RecordingRow.meeting == meeting, RecordingRow.state == "recording")
            )
            return list(rows)

    # -- the job --------------------------------------------------------------------------------------------------

    async def compose(self, payload: dict[str, str]) -> None:
        """Makes the film of ``payload["recording"]``. Done twice, it finds what the first attempt left."""
        meeting, recording = payload["meeting"], payload["recording"]
        folder = self._folder / recording
        await self._note(recording, state="composing", reason="")
        try:
            length = await self._recorder.stop_recording(StopRecording(recording))
            await self._note(recording, seconds=length)
            material = await asyncio.to_thread(survey, folder)
            if material is None or not material.journal.length:
                raise GiveUp("nothing was recorded")
            await self._keep_tracks(meeting, recording, material)
            await self._film(meeting, recording, material)
        except GiveUp as error:
            await self._note(recording, state="failed", reason=str(error)[:400])
            raise
        except (FfmpegFailed, ComposeFailed, OSError) as error:
            await self._note(recording, state="failed", reason=str(error)[:400])
            raise

    async def _film(self, meeting: str, recording: str, material: Material) -> None:
        work = material.folder / WORK
        clock, length = MediaClock(material.journal.pairs), material.journal.length
        plan = programme(await self._entries(meeting), recording, clock, material.footage, length)
        share = 0.0

        def measured(done: float) -> None:
            nonlocal share
            share = done

        async def note() -> None:
            told = 0.0
            while True:
                if share != told:
                    told = share
                    await self._note(recording, progress=told)
                await asyncio.sleep(1)

        noting = asyncio.create_task(note(), name=f"progress of {recording}")
        try:
            made = await compose(material, plan, work, measured)
        finally:
            noting.cancel()
            with suppress(asyncio.CancelledError):
                await noting
        film = await self._files.place(
            meeting=meeting,
            kind="film",
            name=f"{plan.title or meeting}.mp4",
            media_type="video/mp4",
            source=made,
            id=file_id(recording, "film"),
            share=True,
        )
        async with self._database.begin() as session:
            await self._files.register(session, film)
            await _set(session, recording, state="ready", progress=1.0, seconds=length / 1000, film=film)
        await asyncio.to_thread(shutil.rmtree, work, True)

    async def _keep_tracks(self, meeting: str, recording: str, material: Material) -> None:
        """Registers every track and the journal with their SHA-256, as they are from now on."""
        placed = [
            await self._files.place(
                meeting=meeting,
                kind="track",
                name=f"{recording}.{name}",
                media_type="video/x-matroska",
                source=material.folder / name,
                id=file_id(recording, name),
                share=True,
            )
            for name in material.stamps
        ]
        kept = await self._files.place(
            meeting=meeting,
            kind="journal",
            name=f"{recording}.{journal.NAME}",
            media_type="application/jsonl",
            source=material.folder / journal.NAME,
            id=file_id(recording, journal.NAME),
            share=True,
        )
        async with self._database.begin() as session:
            for file in (*placed, kept):
                await self._files.register(session, file)

    async def _entries(self, meeting: str) -> list[Entry]:
        return [Entry(line.seq, line.at, decode(line.payload)) for line in await self._chain.read(meeting)]

    async def _note(self, recording: str, **values: str | float) -> None:
        async with self._database.begin() as session:
            await session.execute(update(RecordingRow).where(RecordingRow.id == recording).values(**values))

    # -- what others ask ------------------------------------------------------------------------------------------

    async def chosen(self, meeting: str) -> RecordingRow | None:
        """The recording that stands for the meeting: the longest; before its end is known, the last."""
        async with self._database.begin() as session:
            rows = await session.scalars(select(RecordingRow).where(RecordingRow.meeting == meeting))
            return max(rows, key=lambda row: (row.seconds, row.started_at), default=None)

    async def recording(self, meeting: str) -> str | None:
        """The recording whose film can be played; ``None`` while there is none."""
        row = await self.chosen(meeting)
        return row.id if row and row.state == "ready" else None

    async def clock(self, meeting: str) -> Callable[[datetime], float | None]:
        """Seconds of the film at a moment in UTC; ``None`` where the film does not show it."""
        row = await self.chosen(meeting)
        kept = await self.journal(row.id) if row else None
        if kept is None:
            return lambda _: None
        clock, length = MediaClock(kept.pairs), kept.length / 1000

        def film(at: datetime) -> float | None:
            media = clock.media(microseconds(at))
            return within(None if media is None else media / 1000, length)

        return film

    async def journal(self, recording: str) -> Journal | None:
        return await asyncio.to_thread(_journal, self._folder / recording)


def within(seconds: float | None, length: float) -> float | None:
    """A place in a film of ``length`` seconds, or ``None`` outside it."""
    if seconds is None or not -EDGE <= seconds <= length + EDGE:
        return None
    return round(min(max(seconds, 0.0), length), 3)


def file_id(recording: str, name: str) -> str:
    """The same file has the same id at every attempt."""
    return hashlib.sha256(f"{recording}/{name}".encode()).hexdigest()[:32]


async def _set(
    session: AsyncSession, recording: str, *, state: str, progress: float, seconds: float, film: Placed
) -> None:
    await session.execute(
        update(RecordingRow)
        .where(RecordingRow.id == recording)
        .values(state=state, progress=progress, seconds=seconds, film_id=film.id, bytes=film.bytes, sha256=film.sha256)
    )


def _journal(folder: Path) -> Journal | None:
    """Reads a journal once while it does not change."""
    try:
        known = (folder / journal.NAME).stat()
    except FileNotFoundError:
        return None
    return _read(folder, known.st_mtime_ns, known.st_size)


@lru_cache(maxsize=8)
def _read(folder: Path, changed: int, size: int) -> Journal | None:
    return journal.load(folder)
