"""One site of a meeting: the calls that a browser makes, and its transports as raw lines."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp
import socketio

from bench.load.line import Line
from bench.load.sender import Sender

NAMESPACE = "/meeting"
PATIENCE = 60.0
AGAIN = 0.1
"""Seconds after which an unanswered check is sent again."""


class Refused(Exception):
    """The server refused a call: its code."""


@dataclass
class Seat:
    """How a site takes part: its ticket, and what it sends (0 layers: it only receives)."""

    ticket: str
    layers: int = 0
    level: int = 30


class Site:
    """``slots`` are the offers of the receiving slots, by name."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.slots: dict[str, dict[str, Any]] = {}
        self.receive: Line | None = None
        self.sender: Sender | None = None
        self._client = socketio.AsyncClient(reconnection=False, handle_sigint=False)

    async def enter(self, url: str, capabilities: dict[str, Any]) -> dict[str, Any]:
        """Connects and enters. Returns the media offer. Raises ``Refused``."""
        await self._client.connect(
            url,
            auth={"ticket": self.seat.ticket},
            transports=["websocket"],
            namespaces=[NAMESPACE],
            wait_timeout=int(PATIENCE),
        )
        entered = await self._call(
            "enter",
            {
                "rtp_capabilities": capabilities,
                "person": "",
                "people": 1,
                "listen_only": not self.seat.layers,
                "acknowledged": True,
            },
        )
        offer = entered["media"]
        if offer is None:
            raise Refused("no_media")
        self.slots = {slot["name"]: slot for slot in offer["slots"]}
        return offer

    def prepare(self, offer: dict[str, Any]) -> tuple[Line, Line | None]:
        """Makes the lines of both directions."""
        self.receive = Line(offer["receive"])
        sending = Line(offer["send"]) if offer["send"] and self.seat.layers else None
        if sending is not None:
            self.sender = Sender(sending, layers=self.seat.layers, level=self.seat.level)
        return self.receive, sending

    async def connect(self) -> None:
        """Tells the server of both transports at once, then checks and shakes hands."""
        assert self.receive is not None
        body: dict[str, Any] = {"receive": Line.dtls_parameters(), "send": None, "producers": []}
        if self.sender is not None:
            body |= {"send": Line.dtls_parameters(), "producers": self.sender.producers()}
        await self._call("connect_media", body)
        lines = [self.receive, *([self.sender.line] if self.sender else [])]
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(_connected(line) for line in lines))

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


async def _connected(line: Line) -> None:
    while not line.connected.done():
        if not line.checked:
            line.check()
        await asyncio.wait([line.connected], timeout=AGAIN)
    line.connected.result()


async def capabilities(url: str) -> dict[str, Any]:
    """What the relay can carry, as the join page asks."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/rtp-capabilities") as answer:
        return await answer.json()
