"""Where the server's requests are carried out: all routers of one relay process."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from media import messages as m
from media import process
from media.dtls import Certificate
from media.endpoint import ReceiveOnly
from media.ortc import CodecUnknown
from media.pipe import PipeRefused
from media.plain import PlainRefused
from media.port import Port
from media.router import Router, Tell, Unknown
from media.rtp import Packet
from media.totals import totals
from media.transport import ParametersRefused

log = logging.getLogger("nghisu.relay")


SHARES = 20
"""Ticks in a second."""


class Desk:
    """``handle`` takes a request by its name and answers ``{"ok": …}`` or ``{"error": {"code": …, "detail": …}}``.
    ``pipe_address``: where other relays reach this one."""

    def __init__(self, port: Port, tell: Tell, *, pipe_address: str = "127.0.0.1") -> None:
        self.id = secrets.token_hex(8)
        self.routers: dict[str, Router] = {}
        self._port, self._tell, self._pipe_address = port, tell, pipe_address
        self._certificate = Certificate.generateCertificate()
        self._packet = Packet()
        self._turn = 0
        self._started = time.time()
        self.requests: dict[str, tuple[type[Struct], Callable[[Any], Struct | dict[str, Any] | None]]] = {
            "open_endpoint": (m.OpenEndpoint, lambda wish: self._router(wish.router).open_endpoint(wish)),
            "connect_endpoint": (m.ConnectEndpoint, lambda wish: self._known(wish.router).connect_endpoint(wish)),
            "restart_ice": (m.RestartIce, lambda wish: self._known(wish.router).restart_ice(wish)),
            "close_producer": (m.CloseProducer, lambda wish: self._router(wish.router).close_producer(wish)),
            "close_endpoint": (m.CloseEndpoint, lambda wish: self._router(wish.router).close_endpoint(wish.endpoint)),
            "close_router": (m.CloseRouter, lambda wish: self.close_router(wish.router)),
            "route": (m.Route, lambda wish: self._router(wish.router).route(wish)),
            "look": (m.Look, lambda wish: self._known(wish.router).look(wish)),
            "record": (m.Record, lambda wish: self._known(wish.router).record(wish)),
            "stop_record": (m.StopRecord, lambda wish: self._router(wish.router).stop_record(wish.record_id)),
            "ask_key_frame": (
                m.AskKeyFrame,
                lambda wish: self._router(wish.router).ask_key_frame(wish.endpoint, wish.source),
            ),
            "open_pipe": (m.OpenPipe, lambda wish: self._known(wish.router).pipes.open(wish)),
            "connect_pipe": (m.ConnectPipe, lambda wish: self._known(wish.router).pipes.connect(wish)),
            "feed_pipe": (m.FeedPipe, lambda wish: self._known(wish.router).pipes.feed(wish)),
            "close_pipe": (m.ClosePipe, self._close_pipe),
            "dump": (m.Dump, self._portion),
            "metrics": (m.Metrics, lambda _: totals(self._port, self.routers.values(), self._started)),
        }

    def handle(self, request: str, body: object) -> dict[str, Any]:
        kind, act = self.requests[request]
        try:
            answer = act(msgspec.convert(body, kind))
        except msgspec.ValidationError as error:
            return _refused("request_malformed", str(error))
        except CodecUnknown as error:
            return _refused("codec_unknown", str(error))
        except ParametersRefused as error:
            return _refused("dtls_parameters_refused", str(error))
        except PlainRefused as error:
            return _refused("record_address_refused", str(error))
        except PipeRefused as error:
            return _refused("pipe_refused", str(error))
        except (Unknown, ReceiveOnly) as error:
            return _refused(str(error))
        except Exception:
            log.exception("%s failed", request)
            return _refused("relay_failed")
        return {"ok": answer if answer is not None else {}}

    def inventory(self) -> m.Inventory:
        return m.Inventory(self.id, tuple(router.inventory() for router in self.routers.values()))

    def dump(self) -> dict[str, Any]:
        """The state of everything at once, for operators (``docs/metrics.md``). With many endpoints this takes longer
        than media should wait: servers ask for portions."""
        return self._facts() | {"routers": {id: router.facts() for id, router in self.routers.items()}}

    def close_router(self, id: str) -> None:
        router = self.routers.pop(id, None)
        if router is not None:
            router.close()

    def _facts(self) -> dict[str, Any]:
        """Of the process and its port."""
        return {
            "relay": self.id,
            "started": self._started,
            "cpu_seconds": round(time.process_time(), 3),
            "memory": process.memory(),
            "port": self._port.facts(),
        }

    def _portion(self, wish: m.Dump) -> dict[str, Any]:
        if wish.router is None:
            return self._facts() | {"routers": {id: router.size() for id, router in self.routers.items()}}
        return self._known(wish.router).facts(wish.begin, wish.begin + m.PORTION)

    def _close_pipe(self, wish: m.ClosePipe) -> None:
        router = self.routers.get(wish.router)
        if router is not None:
            router.pipes.close(wish)

    def close(self) -> None:
        for id in list(self.routers):
            self.close_router(id)

    def tick(self, now: int) -> None:
        """Every 50 ms."""
        self._port.take_feedback(now)
        self._turn = (self._turn + 1) % SHARES
        for router in self.routers.values():
            router.tick(now)
            router.tick_second(now, self._turn, SHARES)

    def resume(self) -> None:
        for router in self.routers.values():
            router.resume()
            for endpoint in router.endpoints.values():
                for notice in endpoint.healths():
                    self._tell(notice)

    def _router(self, id: str) -> Router:
        router = self.routers.get(id)
        if router is None:
            router = self.routers[id] = Router(
                id,
                port=self._port,
                certificate=self._certificate,
                packet=self._packet,
                tell=self._tell,
                pipe_address=self._pipe_address,
            )
        return router

    def _known(self, id: str) -> Router:
        router = self.routers.get(id)
        if router is None:
            raise Unknown("router_unknown")
        return router


def _refused(code: str, detail: str = "") -> dict[str, Any]:
    log.info("refused: %s %s", code, detail)
    return {"error": {"code": code, "detail": detail}}
