"""The Socket.IO server as the meetings need it: no compression, and JSON as fast as it can be had.

``docs/conduct.md`` tells what travels.
Deflate costs about 120 kB for every socket and most of the time of a letter to everybody; the library has no switch for
it, so its WebSocket is made here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import socketio
from aiohttp.web import WebSocketResponse
from engineio.async_drivers import aiohttp as driver

LARGEST = 256 * 1024
"""Bytes of one message."""


class Json:
    """What python-socketio takes for its JSON."""

    @staticmethod
    def dumps(value: object, **_: Any) -> str:
        return msgspec.json.encode(value).decode()

    loads = staticmethod(msgspec.json.decode)


class _WebSocket(driver.WebSocket):
    """As the library's, but it never compresses."""

    async def __call__(self, environ: dict[str, Any]) -> WebSocketResponse:
        self.environ = environ
        self._sock = WebSocketResponse(max_msg_size=LARGEST, compress=False)
        await self._sock.prepare(environ["aiohttp.request"])
        await self.handler(self)
        return self._sock


def server(allows: Callable[..., bool]) -> socketio.AsyncServer:
    """``allows`` judges the origin of a connection."""
    made = socketio.AsyncServer(
        async_mode="aiohttp",
        transports=["websocket"],
        cors_allowed_origins=allows,
        max_http_buffer_size=LARGEST,
        ping_interval=10,
        ping_timeout=8,
        json=Json,
    )
    engine: Any = getattr(made, "eio")  # noqa: B009, the stubs do not know it
    engine._async = {**engine._async, "websocket": _WebSocket}
    return made
