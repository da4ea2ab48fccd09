"""A stand for the relay: a real port and desk, and raw browsers that speak STUN, DTLS and SRTP over real sockets.

A raw browser sends and sees single packets, so that losses can be staged; it uses aioice and aiortc, none of ours.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from msgspec import Struct
from relay_packets import CC_ID, LEVEL_ID, MID_ID, Seen, see

from media import clock
from media import messages as m
from media.congestion import ArrivalLog
from media.desk import Desk
from media.ortc import ROUTER_CAPABILITIES, TRANSPORT_CC_ID
from media.port import Port, widen
from media.rtp import AUDIO_LEVEL, MID, TRANSPORT_CC

GENEROUS = 60.0
"""Seconds to wait for what must happen."""


async def until(happened: Callable[[], object], what: str = "it") -> None:
    for _ in range(int(GENEROUS / 0.01)):
        if happened():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{what} did not happen")


class Stand:
    """A relay without a process: its port and its desk."""

    def __init__(self, port: Port | None = None) -> None:
        self.port = port or Port("127.0.0.1", 0)
        self.notices: list[Struct] = []
        self.desk = Desk(self.port, self.notices.append)

    def ask(self, name: str, wish: Struct) -> dict[str, Any]:
        answer = self.desk.handle(name, msgspec.to_builtins(wish))
        assert "ok" in answer, answer
        return msgspec.to_builtins(answer["ok"])

    def refused(self, name: str, wish: Struct) -> str:
        return self.desk.handle(name, msgspec.to_builtins(wish))["error"]["code"]

    def route(self, stage: str | None, *, tiles: tuple[str, ...] = (), muted: tuple[str, ...] = ()) -> None:
        self.ask("route", m.Route("m", stage, "camera", tiles, muted))

    def shows(self, endpoint: str) -> dict[str, str | None]:
        """What the last notice said of an endpoint's slots, without the empty ones."""
        told = [n for n in self.notices if isinstance(n, m.SlotsShow) and endpoint in n.endpoints]
        return {slot: shown for slot, shown in told[-1].shows.items() if shown is not None} if told else {}

    def healths(self, endpoint: str) -> list[tuple[str, str]]:
        return [
            (n.direction, n.state) for n in self.notices if isinstance(n, m.TransportHealth) and n.endpoint == endpoint
        ]

    async def keep_time(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            self.desk.tick(clock.now())


@asynccontextmanager
async def standing(port: Port | None = None) -> AsyncIterator[Stand]:
    stand = Stand(port)
    stand.port.start()
    ticking = asyncio.create_task(stand.keep_time())
    try:
        yield stand
    finally:
        ticking.cancel()
        await asyncio.wait([ticking])
        stand.desk.close()
        await asyncio.sleep(0.05)
        stand.port.close()


class RawTransport:
    """One transport of a raw browser. ``media`` and ``reports`` are what came, opened."""

    role = "controlling"

    def __init__(self, offer: dict[str, Any], dtls_role: str = "client") -> None:
        self.offer = offer
        self.media: list[Seen] = []
        self.reports: list[bytes] = []
        self.answers = 0
        self._arrivals = ArrivalLog()
        self.sent: list[bytes] = []
        self.socket = self.open(offer["iceCandidates"])
        self._records: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.certificate = RTCCertificate.generateCertificate()
        self.dtls = RTCDtlsTransport(self, [self.certificate])  # pyright: ignore[reportArgumentType]
        self.dtls_role = dtls_role
        self.dtls._set_role(dtls_role)
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._readable)

    def open(self, candidates: list[dict[str, Any]]) -> Any:
        """A socket whose ``send`` and ``recv`` carry datagrams to the relay and from it."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        widen(made)
        made.bind(("127.0.0.1", 0))
        made.connect((candidates[0]["ip"], candidates[0]["port"]))
        return made

    def parameters(self) -> dict[str, Any]:
        prints = [{"algorithm": f.algorithm, "value": f.value} for f in self.certificate.getFingerprints()]
        return {"role": self.dtls_role, "fingerprints": prints}

    def check_datagram(self, *, password: str | None = None, nominate: bool = True) -> bytes:
        ice = self.offer["iceParameters"]
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{ice['usernameFragment']}:raw"
        message.attributes["PRIORITY"] = 1
        message.attributes["ICE-CONTROLLING"] = 1
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((password or ice["password"]).encode())
        return bytes(message)

    def check(self) -> None:
        self.socket.send(self.check_datagram())

    async def connect(self) -> None:
        self.check()
        await until(lambda: self.answers, "the answer to a check")
        prints = [RTCDtlsFingerprint(**f) for f in self.offer["dtlsParameters"]["fingerprints"]]
        await asyncio.wait_for(self.dtls.start(RTCDtlsParameters(fingerprints=prints)), GENEROUS)

    def send(self, packet: bytes) -> None:
        sealed = self.dtls._tx_srtp.protect(packet)
        self.sent.append(sealed)
        self.socket.send(sealed)

    def send_rtcp(self, compound: bytes) -> None:
        self.socket.send(self.dtls._tx_srtp.protect_rtcp(compound))

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        await self.dtls.stop()
        self._records.put_nowait(None)
        await asyncio.sleep(0)
        self.socket.close()

    async def _recv(self) -> bytes:
        record = await self._records.get()
        if record is None:
            raise ConnectionError
        return record

    async def _send(self, data: bytes) -> None:
        self.socket.send(data)

    def _readable(self) -> None:
        while True:
            try:
                datagram = self.socket.recv(2048)
            except OSError:
                return
            if datagram[0] < 4:
                self.answers += 1
            elif datagram[0] < 64:
                self._records.put_nowait(datagram)
            elif 192 <= datagram[1] <= 223:
                self.reports.append(self.dtls._rx_srtp.unprotect_rtcp(datagram))
            else:
                seen = see(self.dtls._rx_srtp.unprotect(datagram))
                self.media.append(seen)
                if number := seen.elements.get(TRANSPORT_CC_ID):
                    self._arrivals.ssrc = seen.ssrc
                    self._arrivals.note(int.from_bytes(number, "big"), clock.now())

    def report_arrivals(self) -> None:
        """Transport-wide feedback on what came since the last one."""
        feedback = self._arrivals.feedback()
        if feedback:
            self.send_rtcp(feedback)


AUDIO_SSRC, VIDEO_SSRC, REPAIR_SSRC = 501, 601, 602
_EXTENSIONS = [{"uri": MID, "id": MID_ID}, {"uri": TRANSPORT_CC, "id": CC_ID}, {"uri": AUDIO_LEVEL, "id": LEVEL_ID}]
MICROPHONE = m.NewProducer(
    "microphone",
    "audio",
    {
        "mid": "0",
        "codecs": [{"mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000, "channels": 2}],
        "headerExtensions": _EXTENSIONS,
        "encodings": [{"ssrc": AUDIO_SSRC}],
    },
)
CAMERA = m.NewProducer(
    "camera",
    "video",
    {
        "mid": "1",
        "codecs": [
            {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000},
            {"mimeType": "video/rtx", "payloadType": 97, "clockRate": 90000, "parameters": {"apt": 96}},
        ],
        "headerExtensions": _EXTENSIONS,
        "encodings": [{"ssrc": VIDEO_SSRC, "rtx": {"ssrc": REPAIR_SSRC}}],
    },
)


class RawBrowser:
    """Both transports of an endpoint; ``send`` is ``None`` for who only receives."""

    def __init__(self, name: str, offer: dict[str, Any], transport: type[RawTransport] = RawTransport) -> None:
        self.name, self.offer = name, offer
        self.receive = transport(offer["receive"])
        self.send = transport(offer["send"]) if offer["send"] else None

    def slot(self, name: str) -> dict[str, Any]:
        return next(slot for slot in self.offer["slots"] if slot["name"] == name)["rtp_parameters"]

    def got(self, slot: str, *, repaired: bool = False) -> list[Seen]:
        encoding = self.slot(slot)["encodings"][0]
        ssrc = encoding["rtx"]["ssrc"] if repaired else encoding["ssrc"]
        return [seen for seen in self.receive.media if seen.ssrc == ssrc]

    async def keep_checking(self) -> None:
        """Consents go on, and reports of what arrives, as those of a browser do (RFC 7675)."""
        turn = 0
        while True:
            await asyncio.sleep(0.05)
            self.receive.report_arrivals()
            turn += 1
            for transport in (self.receive, self.send):
                if turn % 40 == 0 and transport is not None and transport.answers:
                    transport.check()

    async def close(self) -> None:
        for transport in (self.receive, self.send):
            if transport is not None:
                await transport.close()


@asynccontextmanager
async def browser(
    stand: Stand,
    name: str,
    *producers: m.NewProducer,
    connect: bool = True,
    transport: type[RawTransport] = RawTransport,
) -> AsyncIterator[RawBrowser]:
    offer = stand.ask("open_endpoint", m.OpenEndpoint("m", name, bool(producers), ROUTER_CAPABILITIES))
    made = RawBrowser(name, offer, transport)
    try:
        if connect:
            send = made.send.parameters() if made.send else None
            stand.ask("connect_endpoint", m.ConnectEndpoint("m", name, made.receive.parameters(), send, producers))
            await made.receive.connect()
            if made.send:
                await made.send.connect()
            await until(lambda: len(stand.healths(name)) == 1 + bool(made.send), f"{name} connected")
        checking = asyncio.create_task(made.keep_checking())
        try:
            yield made
        finally:
            checking.cancel()
    finally:
        await made.close()
