"""One live meeting at work: the ledger judges, the presence remembers who is here, the conductor moves the media.

This is where the parts meet; each decision lies in the part that owns it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import ChainMap
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal, Protocol

from meetings.events import (
    Entry,
    NoticeAcknowledged,
    RecordingGap,
    SiteAsked,
    SiteJoined,
    SiteLeft,
    WatchingEnded,
    WatchingStarted,
)
from meetings.facts import Facts
from signaling import protocol as p
from signaling import views
from signaling.conductor import Conductor, site_of
from signaling.ledger import Ledger
from signaling.letters import letters
from signaling.mailbag import Mailbag
from signaling.presence import Presence
from signaling.protocol import EVERYONE, OFFICERS
from signaling.room import Room
from signaling.rules import judge
from signaling.rules import seats as seat_rules

log = logging.getLogger("nghisu.live")
COMINGS = (NoticeAcknowledged, SiteAsked, SiteJoined, SiteLeft, WatchingEnded, WatchingStarted)
"""Who comes and goes: no eye follows hundreds of them, and nobody acts on one within a second."""


class Post(Protocol):
    """Carries letters; ``signaling.namespace`` answers."""

    async def deliver(self, to: str | list[str], posted: p.Posted) -> None:
        """To one socket, to everybody in a socket room, or to several sockets."""
        ...

    async def turn_away(self, socket: str, reason: Literal["refused", "replaced", "adjourned", "cancelled"]) -> None:
        """Says why and closes the socket."""
        ...


def everyone(meeting: str) -> str:
    """The socket room of all who are seated."""
    return f"seated:{meeting}"


def officers(meeting: str) -> str:
    """The socket room of chair and secretaries."""
    return f"officers:{meeting}"


class LiveRoom:
    def __init__(
        self, *, ledger: Ledger, conductor: Conductor, post: Post, now: Callable[[], datetime], recorder_here: bool
    ) -> None:
        self.ledger, self.conductor = ledger, conductor
        self.presence = Presence()
        self._post, self._now = post, now
        self._interrupted = not recorder_here
        self._mailbag = Mailbag(everyone(ledger.meeting), post)
        self._arriving: dict[str, views.Live] = {}
        """How sites that come in at this moment will be seen, before the log says that they are here."""
        self._told: dict[str, p.SiteView] = {}
        """What everybody has been told of every site, in the order of the invitation."""
        self._grace_changed = asyncio.Event()
        conductor.on_late = self.relay_ready

    @property
    def meeting(self) -> str:
        return self.ledger.meeting

    @property
    def room(self) -> Room:
        return self.ledger.room

    def tasks(self) -> list[Coroutine[Any, Any, None]]:
        """What must run for the meeting to live; the hall owns them."""
        return [self.ledger.run(), self.conductor.run(), self._mailbag.run(), self._end_graces()]

    def awaken(self) -> None:
        """After the log was read: who is seated in it has ``GRACE`` to come back."""
        now = asyncio.get_running_loop().time()
        for site in self.room.seated():
            self.presence.expect(site.id, now)
        self._told = views.sites(self.room, self.presence.view())
        self.conductor.follow(self.room)

    # -- A browser's calls

    async def enter(self, site: str, socket: str, wish: p.Enter) -> tuple[bool, bool]:
        """Seats the site or lets it wait. Returns whether it waits and whether it may keep its media."""
        before = self.room.seat(site).presence
        self._arriving[site] = views.Live(connected=True, devices=wish.devices)
        try:
            room = await self.ledger.submit(lambda room: seat_rules.enter(room, site, wish))
        finally:
            self._arriving.pop(site, None)
        replaced = self.presence.connect(site, socket)
        self.presence.set_devices(site, wish.devices)
        if replaced is not None:
            await self._post.turn_away(replaced, "replaced")
        self._grace_changed.set()
        self._tell_of(site)
        seated = room.seat(site).presence == "seated"
        resumed = seated and before == "seated" and wish.resume and self.conductor.keeps(site, wish.endpoint)
        if resumed:
            self._tell_of_media(site, socket)
        return not seated, resumed

    async def act(self, site: str, act: p.AnyAct) -> None:
        await self.ledger.submit(lambda room: judge(room, site, act))

    def snapshot(self, site: str) -> p.Snapshot:
        return views.snapshot(
            self.room,
            self._told,
            self.ledger.entries,
            me=site,
            now=self._now(),
            interrupted=self._interrupted,
        )

    def set_devices(self, site: str, devices: p.Devices) -> None:
        self.presence.set_devices(site, devices)
        self._tell_of(site)

    def set_quality(self, site: str, quality: p.Quality) -> None:
        self.presence.set_quality(site, quality)
        self._tell_of(site)

    def disconnect(self, site: str, socket: str) -> None:
        """The socket closed; the seat is kept for a while."""
        if self.presence.disconnect(site, socket, asyncio.get_running_loop().time()):
            self._grace_changed.set()
            self._tell_of(site)

    # -- What others tell

    async def facts_changed(self, facts: Facts) -> None:
        await self.ledger.submit(lambda room: seat_rules.prepare(room, facts))

    def heard(self, sites: tuple[str, ...]) -> None:
        self._moment(everyone(self.meeting), p.Speaking(sites))

    def slots_show(self, endpoints: Collection[str], shows: dict[str, str | None]) -> None:
        """The slots of these endpoints show the same: one letter for all of them."""
        current = [endpoint for endpoint in endpoints if self.conductor.is_current(endpoint)]
        self.conductor.shows.update(dict.fromkeys(current, shows))
        sockets = self._sockets(site_of(endpoint) for endpoint in current)
        if sockets:
            self._moment(sockets, p.SlotChanged(self.conductor.sites_shown(shows)))

    def encodings_watched(self, endpoint: str, source: p.Source, rids: tuple[str, ...]) -> None:
        if self.conductor.is_current(endpoint):
            self.conductor.encodings.setdefault(endpoint, {})[source] = rids
            self._tell_sites((site_of(endpoint),), p.SendEncodings(source, rids))

    def _tell_of_media(self, site: str, socket: str) -> None:
        """What a browser that kept its media may have missed."""
        endpoint = self.conductor.endpoints.get(site, "")
        if (shows := self.conductor.shows.get(endpoint)) is not None:
            self._moment(socket, p.SlotChanged(self.conductor.sites_shown(shows)))
        for source, rids in self.conductor.encodings.get(endpoint, {}).items():
            self._moment(socket, p.SendEncodings(source, rids))

    def relay_lost(self, lost: Collection[str]) -> None:
        """Endpoints are gone with their relay: their sites make their media anew, at once if another relay is there."""
        self._tell_sites(self.conductor.relay_lost(lost), p.MediaLost())
        self.relay_ready()

    def relay_ready(self) -> None:
        """Sites that were told that there is no media make theirs, if a relay is there."""
        self._tell_sites(self.conductor.ready(), p.MediaReady())

    def relay_returned(self) -> None:
        """Sites whose media no relay has make it anew."""
        self._tell_sites(self.conductor.relay_returned(), p.MediaReady())

    def _tell_sites(self, sites: Collection[str], message: p.AnyMessage) -> None:
        if sockets := self._sockets(sorted(sites)):
            self._moment(sockets, message)

    def _sockets(self, sites: Iterable[str]) -> list[str]:
        """Those of the sites that are connected."""
        connections = self.presence.connections
        return [socket for site in sites if (socket := connections.get(site)) is not None]

    def recorder_is(self, here: bool) -> None:
        self._interrupted = not here
        self.conductor.follow(self.room)
        if self.room.recording is not None:
            view = views.recording(self.room, self._interrupted)
            self._moment(everyone(self.meeting), p.RecordingChanged(view))

    async def recording_gap(self, gap: RecordingGap) -> None:
        """Written once, however often the recorder tells it."""
        known = any(entry.event == gap for entry in self.ledger.entries)
        if not known:
            await self.ledger.submit(lambda _: iter((gap,)))

    async def turn_away_all(self, reason: Literal["adjourned", "cancelled"]) -> None:
        for socket in list(self.presence.connections.values()):
            await self._post.turn_away(socket, reason)

    # -- Letters

    def told(self, before: Room, after: Room, entries: Sequence[Entry]) -> None:
        """The ledger has written: letters go out in the order of the log."""
        presence = ChainMap(self._arriving, self.presence.lives)
        written = list(letters(before, after, entries, presence, interrupted=self._interrupted))
        public = tuple(letter.message for letter in written if letter.to == EVERYONE)
        self._remember(before, after, public)
        patient = all(isinstance(entry.event, COMINGS) for entry in entries)
        self._mailbag.put(everyone(self.meeting), p.Posted(before.seq, after.seq, public), patient=patient)
        for letter in written:
            if letter.to == OFFICERS:
                self._moment(officers(self.meeting), letter.message)
            elif letter.to != EVERYONE and (socket := self.presence.connections.get(letter.to)) is not None:
                self._moment(socket, letter.message)
        for site, seat in after.seats.items():
            if seat.presence != "seated" and before.seat(site).presence == "seated":
                self.presence.forget(site)
        self.conductor.follow(after)

    def _remember(self, before: Room, after: Room, public: tuple[p.AnyMessage, ...]) -> None:
        if before.facts is not after.facts:
            self._told = views.sites(after, self.presence.view())
        for message in public:
            if isinstance(message, p.SitesChanged):
                self._told |= message.sites

    def _moment(self, to: str | list[str], message: p.AnyMessage, *, patient: bool = False) -> None:
        self._mailbag.put(to, p.Posted(None, None, (message,)), patient=patient)

    def _tell_of(self, site: str) -> None:
        of = self.room.site(site)
        if of is not None:
            view = views.site(self.room, of, self.presence.lives.get(site, views.OFFLINE))
            if self._told.get(site) != view:
                self._told[site] = view
                self._moment(everyone(self.meeting), p.SitesChanged({site: view}), patient=True)

    async def _end_graces(self) -> None:
        """Ends the seats of those who did not come back in time."""
        loop = asyncio.get_running_loop()
        while True:
            self._grace_changed.clear()
            due = self.presence.next_due()
            try:
                async with asyncio.timeout(None if due is None else max(0.0, due - loop.time())):
                    await self._grace_changed.wait()
            except TimeoutError:
                for site in self.presence.due(loop.time()):
                    self.presence.forget(site)
                    await self.ledger.submit(partial(seat_rules.leave, site=site, reason="lost"))
                    await self.conductor.drop(site)
