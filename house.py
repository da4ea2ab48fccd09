"""Opens every room of the server and wires it to its neighbours; ``server.py serve`` and ``demo`` live in it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from media.fleet import Fleet, Lost
from media.link import RelayError
from media.messages import AskKeyFrame, Record, StopRecord
from meetings.errors import Unavailable
from meetings.events import RecordingGap
from meetings.tickets import Tickets
from meetings.watch import StateFollowsLog
from minutes.book import Book
from minutes.watch import MinutesFollowLog
from recordings.director import Director
from recordings.films import Films
from recordings.link import RecorderLink
from recordings.messages import Inventory as RecorderInventory
from scheduler.mail import Smtp
from scheduler.outbox import Outbox
from scheduler.post import Post
from settings import Settings
from signaling.doors.porter import Porter
from signaling.hall import Hall
from signaling.namespace import MeetingNamespace
from signaling.sockets import Server
from signaling.turn import Turn, derived
from store.chain import Chain
from store.database import Database
from store.files import Files
from store.jobs import Jobs
from store.migrate import migrate
from store.secret import secret
from store.watch import Watch
from web.deps import Deps


@dataclass(frozen=True)
class House:
    """The rooms of the server, wired. ``watch`` must run for what follows from the log to follow."""

    deps: Deps
    films: Films
    hall: Hall
    porter: Porter
    watch: Watch
    sockets: Server


def now() -> datetime:
    return datetime.now(UTC)


def database(settings: Settings) -> Database:
    return Database.at(settings.database) if settings.database else Database.embedded(settings.var / "db")


def files(settings: Settings, rows: Database) -> Files:
    return Files(rows, settings.var / "files")


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[House]:
    """Every room, opened in order; closed in the other."""
    rows = database(settings)
    await migrate(rows)
    chain, tickets, jobs = Chain(rows), Tickets(secret(settings.var)), Jobs(rows)
    watch = Watch(rows, chain)

    relays = Fleet(settings.token or "", expected=settings.relay_count, cap=settings.relay_cap)
    recorder = RecorderLink(settings.token or "")

    async def missing(meeting: str, gap: RecordingGap) -> None:
        await hall.recording_gap(meeting, gap)

    director = Director(recorder, _RelayForRecorder(relays), missing)
    hall = Hall(database=rows, chain=chain, watch=watch, relays=relays, recorder=director, now=now)

    sockets = Server(_same_host)
    turn = Turn(settings.turn_urls, (settings.turn_secret or derived(secret(settings.var))).encode())
    for namespace in (MeetingNamespace(hall, rows, tickets, now, turn), relays.door, recorder):
        sockets.register_namespace(namespace)

    porter = Porter(hall, relays, rows, tickets, now=now, turn=turn)
    _listen(hall, porter, director, relays, recorder)

    transport = Smtp(settings.smtp) if settings.smtp else Outbox(settings.var / "outbox")
    Post(rows, jobs, tickets, transport, base_url=settings.base_url, sender=settings.mail_from, now=now).register()
    kept = files(settings, rows)
    films = Films(
        database=rows, chain=chain, files=kept, jobs=jobs, recorder=recorder, folder=settings.var / "recordings"
    )
    films.register()
    watch.add("state", StateFollowsLog(rows))
    watch.add("films", films)
    watch.add("minutes", MinutesFollowLog(Book(rows, chain, films, now)))

    deps = Deps(
        database=rows,
        chain=chain,
        tickets=tickets,
        jobs=jobs,
        files=kept,
        film=films,
        rooms=hall,
        var=settings.var,
        base_url=settings.base_url,
        origin=settings.origin,
        secure=settings.secure,
        now=now,
        relays=relays,
        metrics_token=settings.metrics_token,
    )
    try:
        await jobs.start()
        await hall.start()
        yield House(deps, films, hall, porter, watch, sockets)
    finally:
        await porter.stop()
        await relays.close()
        await hall.stop()
        await jobs.stop()
        await rows.close()


def _listen(hall: Hall, porter: Porter, director: Director, relays: Fleet, recorder: RecorderLink) -> None:
    """What relays and recorder tell goes to who follows it; the loss of a relay reaches the browsers first."""

    async def relay_returned(meetings: Collection[str]) -> None:
        await hall.relay_returned(meetings)
        await porter.relay_returned(meetings)

    async def relay_lost(lost: Lost) -> None:
        await hall.relay_lost(lost)
        await porter.relay_lost(lost)
        await director.relay_lost(lost)

    async def recorder_returned(inventory: RecorderInventory) -> None:
        await director.recorder_returned(inventory)
        await hall.recorder_returned([open_.recording for open_ in inventory.recordings])

    async def recorder_away() -> None:
        await director.recorder_away()
        await hall.recorder_lost()

    relays.on_returned, relays.on_lost = relay_returned, relay_lost
    relays.on_slots_show, relays.on_heard = hall.slots_show, hall.heard
    relays.on_producer_started, relays.on_transport_health = hall.producer_started, porter.transport_health
    relays.on_encodings_watched = hall.encodings_watched
    recorder.on_returned, recorder.on_away = recorder_returned, recorder_away
    recorder.on_missing = director.media_missing


class _RelayForRecorder:
    """The relay that carries an endpoint, as the recordings ask for it: their errors, not the relay's."""

    def __init__(self, relays: Fleet) -> None:
        self._relays = relays

    async def record(self, wish: Record) -> None:
        await self._ask(self._relays.span(wish.router).record(wish))

    async def stop_record(self, wish: StopRecord) -> None:
        await self._ask(self._relays.span(wish.router).stop_record(wish))

    async def ask_key_frame(self, wish: AskKeyFrame) -> None:
        await self._ask(self._relays.span(wish.router).ask_key_frame(wish))

    async def _ask(self, request: Awaitable[None]) -> None:
        try:
            await request
        except RelayError as error:
            raise Unavailable("media_unavailable", reason=error.code) from error


def _same_host(origin: str | None, environ: dict[str, str]) -> bool:
    """Browsers connect from our own pages alone; relay and recorder send no Origin."""
    return origin is None or origin.partition("://")[2] == environ.get("HTTP_HOST")
