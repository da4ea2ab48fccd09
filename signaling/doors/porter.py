"""Lets encoders and players in and out. An encoder takes its site's seat, as a browser does; a player takes none.

``docs/whip.md`` and ADR 0008 say what each of them counts for. A visit is named like its endpoint at the relay,
``<site>.whip-<random>`` or ``<site>.whep-<random>``, so that a restarted server finds its visits again in what the
relays hold. Letters to the socket of an encoder are read by nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal
from weakref import WeakValueDictionary

from media.fleet import Fleet
from media.messages import TransportHealth
from meetings import queries
from meetings.access import Role
from meetings.errors import MeetingError, NotAllowed, NotFound, Unavailable
from meetings.tickets import Tickets
from signaling import protocol as p
from signaling.conductor import site_of
from signaling.doors import sdp, terms
from signaling.doors.player import Player
from signaling.doors.visit import Door, Visit, door_of
from signaling.hall import Hall
from signaling.live import LiveRoom
from signaling.rules import watching
from signaling.rules.watching import InLobby
from signaling.turn import NO_TURN, Turn
from store.database import Database

log = logging.getLogger("nghisu.doors")

ARRIVAL = 30.0
"""Seconds in which a visitor must connect: as long as a browser tries (RFC 8445 section 7 leaves it to us)."""
ABSENCE = 20.0
"""Seconds without a check before a visit ends, beyond the 10 s after which the relay calls it silent: 30 s together,
when consent has expired (RFC 7675 section 5.1)."""
FAREWELL = 2.0
"""Seconds in which the DELETE of a visitor may follow the end of its transport."""
LOBBY = 30.0
"""Seconds that an encoder stays visible in the lobby; it knocks again meanwhile."""


class NoVisit(NotFound):
    code = "visit_unknown"


@dataclass(frozen=True)
class Admitted:
    """``answer`` is SDP; ``generation`` names this set of ICE credentials; ``ice_servers`` may be used besides."""

    id: str
    answer: str
    generation: str
    ice_servers: tuple[p.IceServer, ...]


class Porter:
    """Stands before the hall's post: what is addressed to a visit stays with it, all else goes on to the sockets."""

    def __init__(
        self,
        hall: Hall,
        relays: Fleet,
        database: Database,
        tickets: Tickets,
        *,
        now: Callable[[], datetime],
        turn: Turn = NO_TURN,
    ) -> None:
        self._hall, self._relays, self._database, self._tickets = hall, relays, database, tickets
        self._now, self._turn = now, turn
        self._visits: dict[str, Visit] = {}
        self._doors: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._endings: set[asyncio.Task[None]] = set()
        self._post, hall.post = hall.post, self

    async def stop(self) -> None:
        """Forgets all visits; the relays keep their media, and the next server finds them."""
        for visit in self._visits.values():
            visit.expect(None)
        self._visits.clear()
        for task in self._endings:
            task.cancel()
        await asyncio.gather(*self._endings, return_exceptions=True)

    # -- What visitors ask

    async def admit_encoder(self, ticket: str, offer: str, people: int | None = None) -> Admitted:
        """Seats the site of the ticket and takes its sound and picture. ``people``: heads in the room.

        Raises ``MeetingError``: what the ticket, the offer, the lobby or the relays refuse.
        """
        site, meeting, role = await self._known(ticket)
        if role is Role.OBSERVER:
            raise NotAllowed("listen_only", site=site)
        read = sdp.read(offer)
        sent = terms.publication(read)
        async with self._one_at_a_time(site, "whip"):
            room = await self._ready(meeting)
            visit = Visit("whip", site, room)
            waiting, _ = await room.enter(site, visit.id, _entry(room, site, people, sent.producers))
            self._visits[visit.id] = visit
            if waiting:
                visit.expect(LOBBY, self._expired)
                raise InLobby(site=site)
            try:
                made = await room.conductor.offer(
                    site, send=True, rtp_capabilities={"codecs": []}, endpoint=visit.id, slots=()
                )
                if made is None or made.send is None:
                    raise Unavailable("media_unavailable")
                await room.conductor.connect(site, p.ConnectMedia(send=read.dtls, producers=sent.producers))
            except BaseException:
                await self._end(visit, "lost")
                raise
            visit.expect(ARRIVAL, self._expired)
        return self._admitted(visit, made.send, sdp.answer(read, sent.accepted, made.send, "recvonly"))

    async def admit_player(self, ticket: str, offer: str) -> Admitted:
        """Shows the stage to whoever holds the ticket. Raises ``MeetingError``."""
        site, meeting, _ = await self._known(ticket)
        read = sdp.read(offer)
        wanted = terms.playback(read)
        async with self._one_at_a_time(site, "whep"):
            room = await self._ready(meeting)
            watching.may_watch(room.room, site)
            for earlier in [visit for visit in self._visits.values() if visit.site == site and visit.door == "whep"]:
                await self._end(earlier, "replaced")
            visit = Visit("whep", site, room, Player(meeting, self._relays.span(meeting)))
            self._visits[visit.id] = visit
            try:
                assert visit.player is not None
                made = await visit.player.open(visit.id, wanted, read.dtls)
            except BaseException:
                await self._end(visit, "lost")
                raise
            room.conductor.follow(room.room)
            visit.expect(ARRIVAL, self._expired)
        fed = terms.fed(wanted, made.slots)
        return self._admitted(visit, made.receive, sdp.answer(read, fed, made.receive, "sendonly"))

    async def see_off(self, ticket: str, id: str) -> None:
        """The visitor goes. Raises ``NoVisit``, also for somebody else's visit."""
        site, _, _ = await self._known(ticket)
        visit = self._visits.get(id)
        if visit is None or visit.site != site:
            raise NoVisit
        await self._end(visit, "left")

    # -- What the relays tell

    async def transport_health(self, notice: TransportHealth) -> None:
        visit = self._visits.get(notice.endpoint)
        if visit is None or notice.direction != visit.direction:
            return
        match notice.state:
            case "connected":
                visit.expect(None)
                if visit.door == "whep":
                    await self._begins_to_watch(visit)
            case "silent":
                visit.expect(ABSENCE, self._expired)
            case "failed":
                visit.expect(FAREWELL, self._expired)

    async def relay_lost(self, lost: Mapping[str, Collection[str]]) -> None:
        """Visits do not outlive their relay: the visitor is to come again."""
        gone = {endpoint for endpoints in lost.values() for endpoint in endpoints}
        for visit in [visit for visit in self._visits.values() if visit.id in gone]:
            await self._end(visit, "lost")

    async def relay_returned(self, meetings: Collection[str]) -> None:
        """After a restart: takes up the visits whose media the relays still hold."""
        for meeting in {*meetings, *self._hall.meetings()}:
            room = await self._hall.room(meeting)
            for endpoint in list(self._relays.span(meeting).homes):
                door = door_of(endpoint)
                if door is not None and endpoint not in self._visits:
                    await self._take_up(endpoint, door, room)
            watched = {visit.site for visit in self._visits.values() if visit.door == "whep"}
            for site in [id for id, seat in room.room.seats.items() if seat.watching and id not in watched]:
                await room.ledger.submit(partial(watching.end, site=site))

    # -- Letters (``signaling.live.Post``)

    async def deliver(self, to: str | list[str], posted: p.Posted) -> None:
        if isinstance(to, str) and to in self._visits:
            return
        await self._post.deliver(to, posted)
        for message in posted.messages:
            if isinstance(message, p.MeetingChanged) and message.meeting.state == "adjourned":
                await self._close(message.meeting.id)

    async def turn_away(self, socket: str, reason: Literal["refused", "replaced", "adjourned", "cancelled"]) -> None:
        visit = self._visits.get(socket)
        if visit is None:
            await self._post.turn_away(socket, reason)
        else:
            log.info("%s is turned away: %s", visit.id, reason)
            await self._end(visit, "replaced" if reason == "replaced" else "lost")

    # --

    async def _known(self, ticket: str) -> tuple[str, str, Role]:
        """Site, meeting and role of a ticket. Raises what the ticket refuses."""
        read = self._tickets.read(ticket, self._now())
        role = await self._database.reading.do(partial(queries.seat, site=read.site, serial=read.serial))
        return read.site, read.meeting, role

    async def _ready(self, meeting: str) -> LiveRoom:
        """Raises ``Unavailable`` before anybody is seated for nothing."""
        if not self._relays.available:
            raise Unavailable("media_unavailable")
        return await self._hall.room(meeting)

    def _admitted(self, visit: Visit, transport: p.MediaParameters, answer: str) -> Admitted:
        servers = self._turn.servers(visit.site, self._now())
        return Admitted(visit.id, answer, transport["iceParameters"]["usernameFragment"], servers)

    def _one_at_a_time(self, site: str, door: Door) -> asyncio.Lock:
        lock = self._doors.get(f"{site}.{door}")
        if lock is None:
            lock = self._doors[f"{site}.{door}"] = asyncio.Lock()
        return lock

    async def _take_up(self, endpoint: str, door: Door, room: LiveRoom) -> None:
        site = site_of(endpoint)
        if door == "whep":
            visit = Visit(door, site, room, Player(room.meeting, self._relays.span(room.meeting)), endpoint)
        elif room.conductor.endpoints.get(site) == endpoint and room.room.seat(site).presence == "seated":
            visit = Visit(door, site, room, id=endpoint)
            wish = _entry(room, site, None, None)
            await room.enter(site, endpoint, wish)
        else:
            return
        self._visits[endpoint] = visit
        visit.expect(ABSENCE, self._expired)

    async def _begins_to_watch(self, visit: Visit) -> None:
        try:
            await visit.room.ledger.submit(partial(watching.begin, site=visit.site))
        except MeetingError as error:
            log.info("%s may watch no more: %s", visit.id, error)
            await self._end(visit, "left")

    def _expired(self, visit: Visit) -> None:
        task = asyncio.create_task(self._end(visit, "lost"), name=f"visit:{visit.id}")
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    async def _close(self, meeting: str) -> None:
        for visit in [visit for visit in self._visits.values() if visit.room.meeting == meeting]:
            await self._end(visit, "lost")

    async def _end(self, visit: Visit, reason: Literal["left", "lost", "replaced"]) -> None:
        """``lost`` keeps the seat for its grace, as a closed socket would; ``left`` gives it up at once."""
        if self._visits.pop(visit.id, None) is None:
            return
        visit.expect(None)
        log.info("%s ends: %s", visit.id, reason)
        room, site = visit.room, visit.site
        if visit.player is not None:
            await visit.player.close(visit.id)
            if reason != "replaced":
                await room.ledger.submit(partial(watching.end, site=site))
            return
        if reason != "replaced":
            room.disconnect(site, visit.id)
        if room.conductor.endpoints.get(site) == visit.id:
            await room.conductor.drop(site)
        if reason == "left":
            with suppress(MeetingError):
                await room.act(site, p.Leave())


def _entry(room: LiveRoom, site: str, people: int | None, producers: Collection[p.NewProducer] | None) -> p.Enter:
    """An encoder cannot say who sits before it: what the seat knows of name and heads stays."""
    seat = room.room.seat(site)
    sources = {producer.source for producer in producers or ()}
    microphone, camera = ("microphone" in sources, "camera" in sources) if producers is not None else (True, True)
    return p.Enter(
        rtp_capabilities={},
        person=seat.person,
        people=people or seat.people,
        devices=p.Devices(microphone=microphone, camera=camera, consents_to_open=microphone),
    )
