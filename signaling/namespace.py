"""The window of the live meeting: Socket.IO in, letters out. One method per call: parse, hand over, acknowledge.

The namespace knows who a socket is (its ticket) and nothing of what an act means.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeVar

import msgspec
import socketio
from msgspec.structs import replace
from socketio.exceptions import ConnectionRefusedError as Refusal

from media.notation import written
from meetings import queries
from meetings.access import Role
from meetings.errors import Invalid, MeetingError
from meetings.tickets import Tickets
from signaling import protocol as p
from signaling.hall import Hall
from signaling.live import LiveRoom, everyone, officers
from signaling.rules.seats import NotEntered
from signaling.turn import NO_TURN, Turn
from store.database import Database

log = logging.getLogger("nghisu.signaling")
T = TypeVar("T")
Answer = msgspec.Raw
"""JSON, which the socket sends as it is."""
Nothing = dict[str, str]


@dataclass
class Caller:
    """Who is behind a socket. ``room`` is set by ``enter``."""

    site: str
    meeting: str
    role: Role
    room: LiveRoom | None = None

    @property
    def entered(self) -> LiveRoom:
        if self.room is None:
            raise NotEntered
        return self.room


class MeetingNamespace(socketio.AsyncNamespace):
    def __init__(
        self,
        hall: Hall,
        database: Database,
        tickets: Tickets,
        now: Callable[[], datetime],
        turn: Turn = NO_TURN,
    ) -> None:
        super().__init__("/meeting")
        self._hall, self._database, self._tickets, self._now, self._turn = hall, database, tickets, now, turn
        self._callers: dict[str, Caller] = {}
        hall.post = self

    # -- The socket

    async def on_connect(self, sid: str, environ: Any, auth: Any) -> None:
        try:
            given = msgspec.convert(auth, _Auth)
            ticket = self._tickets.read(given.ticket, self._now())
            role = await self._database.reading.do(partial(queries.seat, site=ticket.site, serial=ticket.serial))
        except msgspec.ValidationError:
            raise _refusal(MeetingError("ticket_unknown")) from None
        except MeetingError as error:
            raise _refusal(error) from None
        self._callers[sid] = Caller(ticket.site, ticket.meeting, role)

    async def on_disconnect(self, sid: str, reason: str) -> None:
        caller = self._callers.pop(sid, None)
        if caller is not None and caller.room is not None:
            caller.room.disconnect(caller.site, sid)

    # -- Calls

    async def on_enter(self, sid: str, data: Any = None) -> Answer:
        return await self._answer(sid, data, p.Enter, self._enter)

    async def on_connect_media(self, sid: str, data: Any = None) -> Answer:
        return await self._answer(sid, data, p.ConnectMedia, self._connect_media)

    async def on_produce(self, sid: str, data: Any = None) -> Answer:
        return await self._answer(sid, data, p.Produce, self._produce)

    async def on_restart_ice(self, sid: str, data: Any = None) -> Answer:
        return await self._answer(sid, data, p.RestartIce, self._restart_ice)

    async def on_close_producer(self, sid: str, data: Any = None) -> Answer:
        return await self._answer(sid, data, p.CloseProducer, self._close_producer)

    async def on_act(self, sid: str, data: Any = None) -> Answer:
        return await self._answer(sid, data, p.AnyAct, self._act)

    async def on_devices(self, sid: str, data: Any = None) -> Answer:
        return await self._answer(sid, data, p.Devices, self._devices)

    async def on_quality(self, sid: str, data: Any = None) -> Answer:
        return await self._answer(sid, data, p.ReportQuality, self._quality)

    async def on_look(self, sid: str, data: Any = None) -> Answer:
        return await self._answer(sid, data, p.Look, self._look)

    async def on_resync(self, sid: str, data: Any = None) -> Answer:
        return await self._answer(sid, {}, dict[str, Any], self._resync)

    async def _enter(self, sid: str, caller: Caller, wish: p.Enter) -> p.Entered:
        room = caller.room = await self._hall.room(caller.meeting)
        waiting, resumed = await room.enter(caller.site, sid, wish)
        if sid not in self._callers:  # the socket closed before the seat was written
            room.disconnect(caller.site, sid)
            raise NotEntered
        if waiting:
            return p.Entered(True, False, room.snapshot(caller.site), None)
        await self.enter_room(sid, everyone(caller.meeting))
        if caller.role in {Role.CHAIR, Role.SECRETARY}:
            await self.enter_room(sid, officers(caller.meeting))
        media = None
        if not resumed:
            send = not room.room.seat(caller.site).listen_only
            media = await room.conductor.offer(caller.site, send=send, rtp_capabilities=wish.rtp_capabilities)
        if media is not None:
            media = replace(media, ice_servers=self._turn.servers(caller.site, self._now()))
        return p.Entered(False, resumed, room.snapshot(caller.site), media)

    async def _connect_media(self, sid: str, caller: Caller, wish: p.ConnectMedia) -> Nothing:
        await caller.entered.conductor.connect(caller.site, wish)
        return {}

    async def _produce(self, sid: str, caller: Caller, wish: p.Produce) -> Nothing:
        await caller.entered.conductor.produce(caller.site, wish)
        return {}

    async def _restart_ice(self, sid: str, caller: Caller, wish: p.RestartIce) -> p.IceRestarted:
        made = await caller.entered.conductor.restart_ice(caller.site, wish)
        return replace(made, ice_servers=self._turn.servers(caller.site, self._now()))

    async def _close_producer(self, sid: str, caller: Caller, wish: p.CloseProducer) -> Nothing:
        await caller.entered.conductor.close_producer(caller.site, wish.source)
        return {}

    async def _act(self, sid: str, caller: Caller, act: p.AnyAct) -> Nothing:
        await caller.entered.act(caller.site, act)
        if isinstance(act, p.Leave):
            await caller.entered.conductor.drop(caller.site)
        return {}

    async def _devices(self, sid: str, caller: Caller, devices: p.Devices) -> Nothing:
        caller.entered.set_devices(caller.site, devices)
        return {}

    async def _quality(self, sid: str, caller: Caller, report: p.ReportQuality) -> Nothing:
        caller.entered.set_quality(caller.site, report.quality)
        return {}

    async def _look(self, sid: str, caller: Caller, wish: p.Look) -> Nothing:
        caller.entered.conductor.look(caller.site, wish)
        return {}

    async def _resync(self, sid: str, caller: Caller, _: Any) -> p.Snapshot:
        return caller.entered.snapshot(caller.site)

    async def _answer(
        self, sid: str, data: Any, kind: Any, handler: Callable[[str, Caller, Any], Awaitable[Any]]
    ) -> Answer:
        """The acknowledgement of a call: what the handler returns, or why it was refused."""
        try:
            caller = self._callers.get(sid)
            if caller is None:
                raise NotEntered
            answer = {"ok": await handler(sid, caller, _parse(data, kind))}
        except MeetingError as error:
            answer = {"error": p.Failure(error.code, dict(error.facts))}
        except Exception:
            incident = secrets.token_hex(4)
            log.exception("incident %s", incident)
            answer = {"error": p.Failure("internal", {"incident": incident})}
        return written(answer)

    # -- Letters (``signaling.live.Post``)

    async def deliver(self, to: str | list[str], posted: p.Posted) -> None:
        self.server.tell(self.namespace, to, "letter", posted)

    async def turn_away(self, socket: str, reason: Literal["refused", "replaced", "adjourned", "cancelled"]) -> None:
        await self.deliver(socket, p.Posted(None, None, (p.TurnedAway(reason),)))
        await self.disconnect(socket)


class _Auth(msgspec.Struct, frozen=True):
    ticket: str


def _parse(data: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(data, kind)
    except (msgspec.ValidationError, TypeError) as error:
        reason, _, place = str(error).partition(" - at ")
        raise Invalid("invalid", field=place.strip("`$."), reason=reason) from error


def _refusal(error: MeetingError) -> Exception:
    return Refusal(error.code, {"code": error.code, "facts": dict(error.facts)})
