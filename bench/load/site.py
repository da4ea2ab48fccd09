"""One site of a meeting: the calls that a browser makes, and its transports as raw lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import socketio
from socketio.exceptions import SocketIOError

from bench.load.line import Line
from bench.load.sender import Sender

NAMESPACE = "/meeting"
PATIENCE = 60.0


AGAIN = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds after which it tries again what failed (``session.svelte.ts``)."""


class Refused(Exception):
    """The server refused a call: its code."""


@dataclass
class Seat:
    """How a site takes part: its ticket, and what it sends (0 layers: it only receives)."""

    ticket: str
    layers: int = 0
    level: int = 30


class Site:
    """``slots`` are the offers of the receiving slots, by name; ``again`` how often it had to enter once more."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.slots: dict[str, dict[str, Any]] = {}
        self.receive: Line | None = None
        self.sending: Line | None = None
        self.sender: Sender | None = None
        self.again = 0
        self._ready = asyncio.Event()
        self._client = socketio.AsyncClient(reconnection=False, handle_sigint=False)
        self._client.on("letter", self._letter, namespace=NAMESPACE)

    async def join(self, url: str, capabilities: dict[str, Any], lines: Callable[[Site], None]) -> None:
        """Connects and enters, again and again as a browser would, until both transports are connected.

        ``lines`` is told when the lines are made, before anything is sent on them. Raises ``Refused``.
        """
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    if not self._client.connected:
                        await self._client.connect(
                            url,
                            auth={"ticket": self.seat.ticket},
                            transports=["websocket"],
                            namespaces=[NAMESPACE],
                            wait_timeout=20,
                        )
                    await self._enter(capabilities, lines)
                    return
                except (Refused, SocketIOError):
                    await asyncio.sleep(AGAIN[min(self.again, len(AGAIN) - 1)])
                    self.again += 1

    async def _enter(self, capabilities: dict[str, Any], lines: Callable[[Site], None]) -> None:
        self._ready.clear()
        wish = {"people": 1, "person": "", "listen_only": not self.seat.layers, "acknowledged": True}
        offer = (await self._call("enter", {"rtp_capabilities": capabilities, **wish}))["media"]
        if offer is None:
            await self._ready.wait()
            raise Refused("no_media")
        self.slots = {slot["name"]: slot for slot in offer["slots"]}
        self.receive, self.sending = Line(offer["receive"]), None
        body: dict[str, Any] = {"receive": Line.dtls_parameters(), "send": None, "producers": []}
        if offer["send"] and self.seat.layers:
            self.sending = Line(offer["send"])
            self.sender = Sender(self.sending, layers=self.seat.layers, level=self.seat.level)
            body |= {"send": Line.dtls_parameters(), "producers": self.sender.producers()}
        made = [line for line in (self.receive, self.sending) if line is not None]
        lines(self)
        await self._call("connect_media", body)
        await asyncio.gather(*(line.connect() for line in made))

    async def _letter(self, posted: dict[str, Any]) -> None:
        if any(message["kind"] == "media_ready" for message in posted["messages"]):
            self._ready.set()

    async def act(self, act: str, **facts: Any) -> None:
        await self._call("act", {"act": act, **facts})

    async def leave(self) -> None:
        if self.sender is not None:
            self.sender.stop()
        try:
            await self.act("leave")
        finally:
            await self._client.disconnect()

    async def _call(self, name: str, body: dict[str, Any]) -> Any:
        answer = await self._client.call(name, body, namespace=NAMESPACE, timeout=int(PATIENCE))
        if "error" in answer:
            raise Refused(answer["error"]["code"], answer["error"].get("facts"))
        return answer["ok"]


async def capabilities(url: str) -> dict[str, Any]:
    """What the relay can carry, as the join page asks."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/rtp-capabilities") as answer:
        return await answer.json()
