"""A viewer of a Janus mountpoint: its WebSocket API, and just as much SDP as it takes (RFC 8866)."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import aiohttp

from bench.load.ice import PASSWORD, UFRAG
from bench.load.keys import context
from bench.load.line import Line
from bench.load.streams import Kind

PATIENCE = 30.0


class JanusRefused(Exception):
    """Janus answered with an error."""


class Session:
    """One session with many handles; ``open`` and ``close`` belong together."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = aiohttp.ClientSession()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._id = 0

    async def open(self) -> None:
        self._socket = await self._http.ws_connect(self._url, protocols=["janus-protocol"])
        self._listening = asyncio.create_task(self._listen(), name="janus")
        self._id = (await self._ask({"janus": "create"}))["data"]["id"]

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
        await self._http.close()

    async def watch(self, mountpoint: int) -> tuple[int, str]:
        """A new viewer. Returns its handle and Janus' offer."""
        attached = await self._ask({"janus": "attach", "plugin": "janus.plugin.streaming", "session_id": self._id})
        handle = int(attached["data"]["id"])
        told = await self._message(handle, {"request": "watch", "id": mountpoint}, None)
        return handle, told["jsep"]["sdp"]

    async def start(self, handle: int, answer: str) -> None:
        await self._message(handle, {"request": "start"}, {"type": "answer", "sdp": answer})

    async def _message(self, handle: int, body: dict[str, Any], jsep: dict[str, str] | None) -> dict[str, Any]:
        message = {"janus": "message", "session_id": self._id, "handle_id": handle, "body": body}
        return await self._ask(message | ({"jsep": jsep} if jsep else {}))

    async def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """The answer to a message, which for plugins is the event after the acknowledgement."""
        assert self._socket is not None
        transaction = secrets.token_hex(8)
        answer = self._answers[transaction] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({**message, "transaction": transaction})
        try:
            async with asyncio.timeout(PATIENCE):
                told = await answer
        finally:
            del self._answers[transaction]
        if told["janus"] == "error" or "error" in told.get("plugindata", {}).get("data", {}):
            raise JanusRefused(told)
        return told

    async def _listen(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            told = message.json()
            answer = self._answers.get(told.get("transaction", ""))
            if answer is not None and not answer.done() and told["janus"] != "ack":
                answer.set_result(told)


def line_of(offer: str) -> Line:
    """A line to whom the offer names, who is ICE-lite and on this machine: Janus listens on no loopback address, but
    what goes to an address of the machine itself stays on the loopback device."""
    ufrag, password, prints = (_values(offer, name)[0] for name in ("ice-ufrag", "ice-pwd", "fingerprint"))
    algorithm, value = prints.split(" ")
    for candidate in _values(offer, "candidate"):
        fields = candidate.split(" ")
        if fields[2].lower() == "udp" and "." in fields[4]:
            return Line(
                {
                    "iceParameters": {"usernameFragment": ufrag, "password": password},
                    "iceCandidates": [{"ip": fields[4], "port": int(fields[5]), "protocol": "udp"}],
                    "dtlsParameters": {"fingerprints": [{"algorithm": algorithm, "value": value}]},
                },
                host=fields[4],
            )
    raise JanusRefused("no candidate")


def streams_of(offer: str) -> list[tuple[int, Kind, int]]:
    """SSRC, kind and clock rate of what will come."""
    found: list[tuple[int, Kind, int]] = []
    for section in offer.split("\r\nm=")[1:]:
        kind = section.partition(" ")[0]
        ssrcs = list(dict.fromkeys(int(value.partition(" ")[0]) for value in _values(section, "ssrc")))
        for place, ssrc in enumerate(ssrcs):
            named: Kind = "audio" if kind == "audio" else "repair" if place else "video"
            found.append((ssrc, named, 48_000 if kind == "audio" else 90_000))
    return found


def answer_to(offer: str, address: tuple[str, int]) -> str:
    """Receives all that is offered, DTLS client, without header extensions."""
    session, *sections = offer.split("\r\nm=")
    lines = ["v=0", f"o=- {secrets.randbits(32)} 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    lines += [f"a=group:{value}" for value in _values(session, "group")]
    for section in sections:
        lines += [
            f"m={section.partition(chr(13))[0]}",
            "c=IN IP4 127.0.0.1",
            "a=recvonly",
            "a=rtcp-mux",
            "a=setup:active",
            f"a=ice-ufrag:{UFRAG}",
            f"a=ice-pwd:{PASSWORD}",
            f"a=fingerprint:sha-256 {context()[1]}",
        ]
        for name in ("mid", "rtpmap", "fmtp", "rtcp-fb"):
            lines += [f"a={name}:{value}" for value in _values(section, name)]
        lines += [f"a=candidate:1 1 udp 2130706431 {address[0]} {address[1]} typ host", "a=end-of-candidates"]
    return "\r\n".join([*lines, ""])


def _values(sdp: str, name: str) -> list[str]:
    return [line.partition(":")[2] for line in sdp.split("\r\n") if line.startswith(f"a={name}:")]
