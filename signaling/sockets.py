"""The Socket.IO server as the meetings need it: no compression, fast JSON, and frames written straight to the sockets.

``docs/conduct.md`` tells what travels. The library's WebSocket is replaced for three things that it has no switch for:

* Deflate costs about 120 kB for every socket and most of the time of a letter to everybody.
* A queue and a task for each socket let what is for everybody overtake what was sent to one socket just before; a
  ``Line`` writes at once, so that each socket gets everything in the order in which it was said.
* The library makes three tasks for every recipient of a letter; ``Server.tell`` makes one frame for all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import socketio
from aiohttp import WSMsgType
from aiohttp.web import WebSocketResponse
from engineio.exceptions import SocketIsClosedError, UnknownPacketError
from engineio.packet import MESSAGE, Packet

from media.notation import Json

log = logging.getLogger("nghisu.sockets")

LARGEST = 256 * 1024
"""Bytes of one message that comes in."""
UNREAD = 2 * 1024 * 1024
"""Bytes that may wait for one socket; who takes less is cut off, and comes back for the whole."""
TEXT, BINARY = 0x81, 0x82
"""First octets of a frame that is a whole message (RFC 6455 section 5.2)."""


def framed(message: str | bytes) -> bytes:
    """The frame of a message from server to browser, which is not masked (RFC 6455 section 5.1)."""
    first, body = (TEXT, message.encode()) if isinstance(message, str) else (BINARY, message)
    size = len(body)
    if size < 126:
        return bytes((first, size)) + body
    if size < 1 << 16:
        return bytes((first, 126)) + size.to_bytes(2, "big") + body
    return bytes((first, 127)) + size.to_bytes(8, "big") + body


class Line:
    """One WebSocket in place of the library's driver: reads in a loop, writes at once."""

    def __init__(self, lines: dict[str, Line], handler: Any, engine: Any) -> None:
        self._lines, self._engine = lines, engine
        self._socket: Any = handler.__self__
        """The library's ``AsyncSocket``, which asks for this driver with its bound handler."""

    async def __call__(self, environ: dict[str, Any]) -> WebSocketResponse:
        request = environ["aiohttp.request"]
        response = WebSocketResponse(max_msg_size=LARGEST, compress=False)
        await response.prepare(request)
        self._transport = request.transport
        if self._transport is None:
            return response
        socket = self._socket
        socket.connected = socket.upgraded = True
        socket.send = self._send
        while not socket.queue.empty():
            self.write(framed(socket.queue.get_nowait().encode()))
            socket.queue.task_done()
        self._lines[socket.sid] = self
        try:
            await self._read(response)
        finally:
            del self._lines[socket.sid]
            await socket.close(wait=False, abort=True, reason=self._engine.reason.TRANSPORT_CLOSE)
            del socket.send
        await response.close()
        return response

    def write(self, frame: bytes) -> None:
        """Writes a frame behind all that was written before."""
        transport = self._transport
        if transport.is_closing():
            return
        transport.write(frame)
        if transport.get_write_buffer_size() > UNREAD:
            log.info("a socket that does not read is cut off")
            transport.abort()

    async def _send(self, packet: Any) -> None:
        """In place of ``AsyncSocket.send``, which puts the packet into a queue."""
        if await self._socket.check_ping_timeout():
            self.write(framed(packet.encode()))

    async def _read(self, response: WebSocketResponse) -> None:
        """Until the browser goes, is silent, or is turned away."""
        socket, patience = self._socket, self._engine.ping_interval + self._engine.ping_timeout
        while not socket.closed:
            try:
                message = await response.receive(patience)
            except TimeoutError:
                return
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            try:
                await socket.receive(Packet(encoded_packet=message.data))
            except UnknownPacketError:
                continue
            except SocketIsClosedError:
                return
            except Exception:
                log.exception("a message was not understood")


class Server(socketio.AsyncServer):
    """``allows`` judges the origin of a connection."""

    def __init__(self, allows: Callable[..., bool], *, ping_interval: float = 10, ping_timeout: float = 8) -> None:
        super().__init__(
            async_mode="aiohttp",
            transports=["websocket"],
            cors_allowed_origins=allows,
            max_http_buffer_size=LARGEST,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            json=Json,
        )
        self._lines: dict[str, Line] = {}
        self.eio._async = {**self.eio._async, "websocket": partial(Line, self._lines)}

    def tell(self, namespace: str, to: str | list[str], event: str, data: object) -> None:
        """Sends an event with its data to one socket, to several, or to everybody in a socket room."""
        frame = framed(f'{MESSAGE}2{namespace},["{event}",{Json.dumps(data)}]')
        for _, socket in self.manager.get_participants(namespace, to):
            if (line := self._lines.get(socket)) is not None:
                line.write(frame)
