"""The server's end of the connection to a relay: requests as typed methods, notices as callbacks.

* ``RelayError``
    * ``RelayUnavailable``   no relay is connected, it left before answering, or it did not answer in time
    * ``RelayRefused``       the relay answered that it cannot; ``code`` says why
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import msgspec
import socketio
from msgspec import Struct
from socketio import exceptions

from media.messages import (
    AskKeyFrame,
    CloseEndpoint,
    CloseProducer,
    CloseRouter,
    ConnectEndpoint,
    Dump,
    EndpointOffer,
    Heard,
    Inventory,
    OpenEndpoint,
    ProducerStarted,
    Record,
    Route,
    SlotsShow,
    StopRecord,
    TransportHealth,
)

log = logging.getLogger("nghisu.relay.link")
NAMESPACE = "/relay"
PATIENCE = 5.0
"""Seconds that a request waits for its answer."""

T = TypeVar("T")
N = TypeVar("N", bound=Struct)
Heed = Callable[[N], Awaitable[None]]
NOTICES: dict[str, type[Struct]] = {
    "inventory": Inventory,
    "slots_show": SlotsShow,
    "heard": Heard,
    "producer_started": ProducerStarted,
    "transport_health": TransportHealth,
}


class RelayError(Exception):
    """The relay did not do what was asked. ``code`` is stable."""

    code = "relay_error"


class RelayUnavailable(RelayError):
    code = "relay_unavailable"


class RelayRefused(RelayError):
    def __init__(self, code: str, detail: str = "") -> None:
        self.code, self.detail = code, detail
        super().__init__(f"{code}: {detail}" if detail else code)


class RelayLink(socketio.AsyncNamespace):
    """One relay at a time: the relay whose inventory came last answers. Requests are idempotent.

    The callbacks are called one after another, in the order of the relay's notices; ``on_lost`` when the relay that
    answers goes away. They may be given to the constructor or set later.
    """

    def __init__(
        self,
        token: str,
        *,
        on_inventory: Heed[Inventory] | None = None,
        on_lost: Callable[[], Awaitable[None]] | None = None,
        on_slots_show: Heed[SlotsShow] | None = None,
        on_heard: Heed[Heard] | None = None,
        on_producer_started: Heed[ProducerStarted] | None = None,
        on_transport_health: Heed[TransportHealth] | None = None,
    ) -> None:
        super().__init__(NAMESPACE)
        self.on_inventory = on_inventory
        self.on_lost = on_lost
        self.on_slots_show = on_slots_show
        self.on_heard = on_heard
        self.on_producer_started = on_producer_started
        self.on_transport_health = on_transport_health
        self._token = token.encode()
        self._sid: str | None = None
        self._left = asyncio.Event()
        self._order = asyncio.Lock()

    @property
    def available(self) -> bool:
        return self._sid is not None

    async def open_endpoint(self, wish: OpenEndpoint) -> EndpointOffer:
        return await self._ask("open_endpoint", wish, EndpointOffer)

    async def connect_endpoint(self, wish: ConnectEndpoint) -> None:
        await self._ask("connect_endpoint", wish, dict[str, Any])

    async def close_producer(self, wish: CloseProducer) -> None:
        await self._ask("close_producer", wish, dict[str, Any])

    async def close_endpoint(self, wish: CloseEndpoint) -> None:
        await self._ask("close_endpoint", wish, dict[str, Any])

    async def close_router(self, wish: CloseRouter) -> None:
        await self._ask("close_router", wish, dict[str, Any])

    async def route(self, wish: Route) -> None:
        await self._ask("route", wish, dict[str, Any])

    async def record(self, wish: Record) -> None:
        await self._ask("record", wish, dict[str, Any])

    async def stop_record(self, wish: StopRecord) -> None:
        await self._ask("stop_record", wish, dict[str, Any])

    async def ask_key_frame(self, wish: AskKeyFrame) -> None:
        await self._ask("ask_key_frame", wish, dict[str, Any])

    async def dump(self) -> dict[str, Any]:
        """The state of every router, for operators."""
        return await self._ask("dump", Dump(), dict[str, Any])

    async def _ask(self, request: str, wish: Struct, kind: type[T]) -> T:
        """Raises ``RelayUnavailable`` or ``RelayRefused``."""
        if self._sid is None:
            raise RelayUnavailable(request)
        answer = asyncio.create_task(
            self.call(request, msgspec.to_builtins(wish), to=self._sid), name=f"relay:{request}"
        )
        left = asyncio.create_task(self._left.wait(), name="relay:left")
        try:
            await asyncio.wait({answer, left}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise RelayUnavailable(request)
            body = answer.result()
            if "error" in body:
                raise RelayRefused(body["error"]["code"], body["error"].get("detail", ""))
            return msgspec.convert(body["ok"], kind)
        except (exceptions.SocketIOError, msgspec.ValidationError, KeyError, TypeError) as error:
            raise RelayUnavailable(f"{request}: {error!r}") from error
        finally:
            answer.cancel()
            left.cancel()

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """What Socket.IO has received: connections first, then the notices in their order."""
        if event == "connect":
            self._admit(args[2] if len(args) > 2 else None)
            return None
        sid = cast("str", args[0])
        async with self._order:
            if event == "disconnect":
                await self._lose(sid)
            elif event in NOTICES:
                await self._heed(sid, event, args[1] if len(args) > 1 else None)
        return None

    def _admit(self, auth: object) -> None:
        """Raises Socket.IO's refusal unless the token is ours."""
        offered = cast("dict[str, object]", auth).get("token") if isinstance(auth, dict) else None
        if not isinstance(offered, str) or not hmac.compare_digest(offered.encode(), self._token):
            raise exceptions.ConnectionRefusedError("token")

    async def _lose(self, sid: str) -> None:
        if sid == self._sid:
            self._sid = None
            self._left.set()
            if self.on_lost:
                await self.on_lost()

    async def _heed(self, sid: str, event: str, data: object) -> None:
        try:
            notice = msgspec.convert(data, NOTICES[event])
        except msgspec.ValidationError as error:
            log.warning("the relay sent a %s that cannot be read: %s", event, error)
            return
        if isinstance(notice, Inventory):
            self._left.set()
            self._sid, self._left = sid, asyncio.Event()
        elif sid != self._sid:
            return
        heed = cast("Heed[Struct] | None", getattr(self, f"on_{event}"))
        if heed:
            await heed(notice)
