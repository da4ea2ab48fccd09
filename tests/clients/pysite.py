"""A site whose browser is pymediasoup: an unmodified Device and its transports, joined through the real signalling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiortc import MediaStreamTrack
from pymediasoup import Device
from pymediasoup.handlers.aiortc_handler import AiortcHandler
from pymediasoup.models.transport import DtlsParameters, IceCandidate, IceParameters
from pymediasoup.rtp_parameters import RtpCapabilities, RtpParameters
from pymediasoup.transport import Transport
from signaling_live import Browser
from visitors import Watched

SOURCES = {"audio": "microphone", "video": "camera"}


class PySite(Browser):
    """``slots``: what each has brought. ``shows``: whom each shows, by the letters. ``roles``: of DTLS, as told."""

    def __init__(self, ticket: str) -> None:
        address = urlsplit(ticket)
        super().__init__(f"{address.scheme}://{address.netloc}")
        self.me = ""
        self.snapshot: dict[str, Any] = {}
        self.slots: dict[str, Watched] = {}
        self.roles: dict[str, str] = {}
        self._shown: dict[str, str | None] = {}
        self._address, self._ticket = f"{address.scheme}://{address.netloc}", address.path.rpartition("/")[2]
        self._device = Device(handlerFactory=AiortcHandler.createFactory())
        self._transports: dict[str, Transport] = {}
        self._watching: list[asyncio.Task[None]] = []
        self._told: dict[str, Any] | None = None

    @property
    def shows(self) -> dict[str, str]:
        """Without the empty ones."""
        letters = [m for posted in self.letters for m in posted["messages"] if m["kind"] == "slot_changed"]
        shown = self._shown | {slot: site for letter in letters for slot, site in letter["slots"].items()}
        return {slot: site for slot, site in shown.items() if site is not None}

    @property
    def descriptions(self) -> list[str]:
        """What the connections have agreed on: alike as long as nothing is negotiated."""
        connections = [transport._handler.pc for transport in self._transports.values()]
        return [connection.localDescription.sdp + connection.remoteDescription.sdp for connection in connections]

    async def join(self, *tracks: MediaStreamTrack) -> None:
        """Without tracks, to listen. Returns when all slots are consumed and all tracks are produced."""
        await self.connect({"ticket": self._ticket})
        async with aiohttp.ClientSession() as http, http.get(f"{self._address}/api/rtp-capabilities") as answer:
            await self._device.load(RtpCapabilities.model_validate(await answer.json()))
        assert self._device.recvRtpCapabilities is not None
        able = self._device.recvRtpCapabilities.model_dump(exclude_none=True)
        on = {"microphone": bool(tracks), "camera": bool(tracks), "consents_to_open": True}
        said = await self.enter(rtp_capabilities=able, listen_only=not tracks, acknowledged=True, devices=on)
        assert "ok" in said, said
        self.snapshot, offer = said["ok"]["snapshot"], said["ok"]["media"]
        self.me, self._shown = self.snapshot["me"], offer["shows"]
        receive = self._transport("receive", offer["receive"])
        for slot in offer["slots"]:
            consumer = await receive.consume(
                id=slot["id"],
                producerId=slot["producer_id"],
                kind=slot["kind"],
                rtpParameters=RtpParameters(**slot["rtp_parameters"]),
            )
            assert consumer.track is not None
            self.slots[slot["name"]] = Watched(slot["kind"])
            self._watching.append(asyncio.create_task(self.slots[slot["name"]].follow(consumer.track)))
        for track in tracks:
            await self._transport("send", offer["send"]).produce(track=track)

    def sees(self, slot: str, brightness: int) -> bool:
        return abs(self.slots[slot].brightness - brightness) < 12

    def hears(self, slot: str, hertz: int) -> bool:
        return self.slots[slot].loudness(hertz) > -40

    async def accepted(self, event: str, data: object) -> Any:
        said = await self.call(event, data)
        assert "ok" in said, said
        return said["ok"]

    async def does(self, act: str, **facts: Any) -> None:
        await self.accepted("act", {"act": act, **facts})

    async def leave(self) -> None:
        await self.does("leave")
        await self.close()

    async def close(self) -> None:
        for transport in self._transports.values():
            await transport.close()
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await super().close()

    def _transport(self, direction: str, parameters: dict[str, Any]) -> Transport:
        if direction in self._transports:
            return self._transports[direction]
        make = self._device.createRecvTransport if direction == "receive" else self._device.createSendTransport
        transport = self._transports[direction] = make(
            id=parameters["id"],
            iceParameters=IceParameters(**parameters["iceParameters"]),
            iceCandidates=[IceCandidate(**candidate) for candidate in parameters["iceCandidates"]],
            dtlsParameters=DtlsParameters(**parameters["dtlsParameters"]),
            sctpParameters=None,
            iceServers=[],
        )

        @transport.on("connect")
        async def connect(dtls: DtlsParameters) -> None:
            told = dtls.model_dump(exclude_none=True)
            self.roles[direction] = told["role"]
            if direction == "receive":
                await self.accepted("connect_media", {"receive": told})
            else:
                self._told = told

        @transport.on("produce")
        async def produce(kind: str, parameters: RtpParameters, appData: object) -> str:
            sent = parameters.model_dump(exclude_none=True)
            producer = {"source": SOURCES[kind], "kind": kind, "rtp_parameters": sent}
            told, self._told = self._told, None
            await self.accepted("produce", {"producer": producer, "send": told})
            return SOURCES[kind]

        return transport


@asynccontextmanager
async def site(ticket: str, *tracks: MediaStreamTrack) -> AsyncGenerator[PySite]:
    made = PySite(ticket)
    try:
        await made.join(*tracks)
        yield made
    finally:
        await made.close()
        for track in tracks:
            track.stop()
