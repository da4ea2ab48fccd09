"""The server's end of the connections to relays: requests as typed methods, notices as callbacks.

* ``RelayError``
    * ``RelayUnavailable``   the relay is not connected, it left before answering, or it did not answer in time
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
    PORTION,
    AskKeyFrame,
    CloseEndpoint,
    ClosePipe,
    CloseProducer,
    CloseRouter,
    ConnectEndpoint,
    ConnectPipe,
    Dump,
    EncodingsWatched,
    EndpointOffer,
    FeedPipe,
    Heard,
    IceParameters,
    Inventory,
    Load,
    Look,
    Metrics,
    OpenEndpoint,
    OpenPipe,
    PipeOffer,
    ProducerStarted,
    Record,
    RelayMetrics,
    RestartIce,
    Route,
    SlotsShow,
    StopRecord,
    TransportHealth,
)
from media.notation import written

log = logging.getLogger("nghisu.relay.link")
NAMESPACE = "/relay"
PATIENCE = 5.0
"""Seconds that a request waits for its answer."""
AT_ONCE = 16
"""Requests that are under way to one relay: where hundreds come in, the others wait here, and none for its answer."""

T = TypeVar("T")
Ask = Callable[[str, Struct], Awaitable[Any]]
"""Sends a request by its name and returns the answer of the other end."""
NOTICES: dict[str, type[Struct]] = {
    "inventory": Inventory,
    "slots_show": SlotsShow,
    "heard": Heard,
    "producer_started": ProducerStarted,
    "encodings_watched": EncodingsWatched,
    "transport_health": TransportHealth,
    "load": Load,
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


class RelayLink:
    """One relay that is connected. ``id`` is new for every relay process, ``number`` its place among the relays of one
    machine, ``cpu`` the share of one core that it last told to use. Requests are idempotent."""

    def __init__(self, inventory: Inventory, ask: Ask) -> None:
        self.id, self.number, self.cpu = inventory.relay, inventory.number, inventory.cpu
        self._send = ask
        self._left = False
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._asked = set[asyncio.Future[Any]]()

    def leave(self) -> None:
        """The relay is gone: who waits for an answer waits no longer."""
        self._left = True
        for answer in self._asked:
            answer.cancel()

    async def open_endpoint(self, wish: OpenEndpoint) -> EndpointOffer:
        return await self._ask("open_endpoint", wish, EndpointOffer)

    async def connect_endpoint(self, wish: ConnectEndpoint) -> None:
        await self._ask("connect_endpoint", wish, dict[str, Any])

    async def restart_ice(self, wish: RestartIce) -> IceParameters:
        return await self._ask("restart_ice", wish, IceParameters)

    async def close_producer(self, wish: CloseProducer) -> None:
        await self._ask("close_producer", wish, dict[str, Any])

    async def close_endpoint(self, wish: CloseEndpoint) -> None:
        await self._ask("close_endpoint", wish, dict[str, Any])

    async def close_router(self, wish: CloseRouter) -> None:
        await self._ask("close_router", wish, dict[str, Any])

    async def route(self, wish: Route) -> None:
        await self._ask("route", wish, dict[str, Any])

    async def look(self, wish: Look) -> None:
        await self._ask("look", wish, dict[str, Any])

    async def record(self, wish: Record) -> None:
        await self._ask("record", wish, dict[str, Any])

    async def stop_record(self, wish: StopRecord) -> None:
        await self._ask("stop_record", wish, dict[str, Any])

    async def ask_key_frame(self, wish: AskKeyFrame) -> None:
        await self._ask("ask_key_frame", wish, dict[str, Any])

    async def open_pipe(self, wish: OpenPipe) -> PipeOffer:
        return await self._ask("open_pipe", wish, PipeOffer)

    async def connect_pipe(self, wish: ConnectPipe) -> None:
        await self._ask("connect_pipe", wish, dict[str, Any])

    async def feed_pipe(self, wish: FeedPipe) -> None:
        await self._ask("feed_pipe", wish, dict[str, Any])

    async def close_pipe(self, wish: ClosePipe) -> None:
        await self._ask("close_pipe", wish, dict[str, Any])

    async def dump(self) -> dict[str, Any]:
        """The state of everything, for operators, by portions: what comes or goes meanwhile may be missing."""
        whole = await self._ask("dump", Dump(), dict[str, Any])
        sizes: dict[str, int] = whole["routers"]
        routers: dict[str, dict[str, Any]] = {}
        for router, size in sizes.items():
            for begin in range(0, max(1, size), PORTION):
                try:
                    told = await self._ask("dump", Dump(router, begin), dict[str, Any])
                except RelayRefused:
                    break
                before = routers.setdefault(router, told)
                for section, things in told.items():
                    if isinstance(things, dict):
                        before[section] |= things
        return whole | {"routers": routers}

    async def metrics(self) -> RelayMetrics:
        return await self._ask("metrics", Metrics(), RelayMetrics)

    async def _ask(self, request: str, wish: Struct, kind: type[T]) -> T:
        """Raises ``RelayUnavailable`` or ``RelayRefused``."""
        async with self._turns:
            return await self._ask_now(request, wish, kind)

    async def _ask_now(self, request: str, wish: Struct, kind: type[T]) -> T:
        if self._left:
            raise RelayUnavailable(request)
        answer = asyncio.ensure_future(self._send(request, wish))
        self._asked.add(answer)
        try:
            await asyncio.wait([answer], timeout=PATIENCE)
            if not answer.done() or answer.cancelled():
                raise RelayUnavailable(request)
            body = answer.result()
            if "error" in body:
                raise RelayRefused(body["error"]["code"], body["error"].get("detail", ""))
            return msgspec.convert(body["ok"], kind)
        except (exceptions.SocketIOError, msgspec.ValidationError, KeyError, TypeError) as error:
            raise RelayUnavailable(f"{request}: {error!r}") from error
        finally:
            self._asked.discard(answer)
            answer.cancel()


class RelayDoor(socketio.AsyncNamespace):
    """Where relays knock. Admits by the token; a relay is one once its inventory has come.

    The callbacks of one relay are called one after another, in the order of its notices; ``on_lost`` at its end.
    """

    def __init__(
        self,
        token: str,
        *,
        on_inventory: Callable[[RelayLink, Inventory], Awaitable[None]],
        on_lost: Callable[[RelayLink], Awaitable[None]],
        on_notice: Callable[[RelayLink, Struct], Awaitable[None]],
    ) -> None:
        super().__init__(NAMESPACE)
        self._token = token.encode()
        self._on_inventory, self._on_lost, self._on_notice = on_inventory, on_lost, on_notice
        self._links: dict[str, RelayLink] = {}
        self._orders: dict[str, asyncio.Lock] = {}

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """What Socket.IO has received: connections first, then the notices in their order."""
        sid = cast("str", args[0])
        if event == "connect":
            self._check(args[2] if len(args) > 2 else None)
            self._orders[sid] = asyncio.Lock()
            return None
        async with self._orders.setdefault(sid, asyncio.Lock()):
            if event == "disconnect":
                del self._orders[sid]
                await self._lose(sid)
            elif event in NOTICES:
                await self._heed(sid, event, args[1] if len(args) > 1 else None)
        return None

    def _check(self, auth: object) -> None:
        """Raises Socket.IO's refusal unless the token is ours."""
        offered = cast("dict[str, object]", auth).get("token") if isinstance(auth, dict) else None
        if not isinstance(offered, str) or not hmac.compare_digest(offered.encode(), self._token):
            raise exceptions.ConnectionRefusedError("token")

    async def _lose(self, sid: str) -> None:
        link = self._links.pop(sid, None)
        if link is not None:
            link.leave()
            await self._on_lost(link)

    async def _heed(self, sid: str, event: str, data: object) -> None:
        try:
            notice = msgspec.convert(data, NOTICES[event])
        except msgspec.ValidationError as error:
            log.warning("a relay sent a %s that cannot be read: %s", event, error)
            return
        link = self._links.get(sid)
        if isinstance(notice, Inventory):
            if link is None:
                link = self._links[sid] = RelayLink(notice, self._asker(sid))
            await self._on_inventory(link, notice)
        elif link is not None:
            await self._on_notice(link, notice)

    def _asker(self, sid: str) -> Ask:
        async def ask(request: str, wish: Struct) -> Any:
            answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

            def come(body: Any = None) -> None:
                if not answer.done():
                    answer.set_result(body)

            await self.emit(request, written(wish), to=sid, callback=come)
            return await answer

        return ask
