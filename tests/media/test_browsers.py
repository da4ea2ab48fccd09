"""Two independent browsers (pymediasoup on aiortc) meet through the relay: sound and pictures are decoded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import av
import msgspec
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from pymediasoup import Device
from pymediasoup.handlers.aiortc_handler import AiortcHandler
from pymediasoup.models.transport import DtlsParameters, IceCandidate, IceParameters
from pymediasoup.rtp_parameters import RtpCapabilities, RtpParameters
from pymediasoup.transport import Transport
from relay_stand import Stand, standing, until
from visitors import Card, Tone

from media import messages as m
from media.ortc import ROUTER_CAPABILITIES


class Visitor:
    """One browser; what it decodes, slot by slot."""

    def __init__(self, stand: Stand, name: str) -> None:
        self.stand, self.name = stand, name
        self.device = Device(handlerFactory=AiortcHandler.createFactory())
        self.frames: dict[str, int] = {}
        self.brightness: dict[str, int] = {}
        self.energy: dict[str, float] = {}
        self.transports: list[Transport] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def join(self, *tracks: MediaStreamTrack) -> None:
        await self.device.load(RtpCapabilities.model_validate(ROUTER_CAPABILITIES))
        assert self.device.recvRtpCapabilities is not None
        capabilities = self.device.recvRtpCapabilities.model_dump(exclude_none=True)
        offer = self.stand.ask("open_endpoint", m.OpenEndpoint("m", self.name, bool(tracks), capabilities))
        receive = self._transport(offer["receive"], "receive")
        for slot in offer["slots"]:
            consumer = await receive.consume(
                id=slot["id"],
                producerId=slot["producer_id"],
                kind=slot["kind"],
                rtpParameters=RtpParameters(**slot["rtp_parameters"]),
            )
            self.tasks.append(asyncio.create_task(self._watch(slot["name"], consumer.track)))
        if tracks:
            send = self._transport(offer["send"], "send")
            for track in tracks:
                await send.produce(track=track)

    def _transport(self, parameters: dict[str, Any], direction: str) -> Transport:
        make = self.device.createRecvTransport if direction == "receive" else self.device.createSendTransport
        transport = make(
            id=parameters["id"],
            iceParameters=IceParameters(**parameters["iceParameters"]),
            iceCandidates=[IceCandidate(**candidate) for candidate in parameters["iceCandidates"]],
            dtlsParameters=DtlsParameters(**parameters["dtlsParameters"]),
            sctpParameters=None,
        )
        self.transports.append(transport)

        @transport.on("connect")
        async def connect(dtls: DtlsParameters) -> None:
            told = dtls.model_dump(exclude_none=True)
            receive, send = (told, None) if direction == "receive" else (None, told)
            self.stand.ask("connect_endpoint", m.ConnectEndpoint("m", self.name, receive, send, ()))

        @transport.on("produce")
        async def produce(kind: str, parameters: RtpParameters, appData: Any) -> str:
            source = "microphone" if kind == "audio" else "camera"
            new = {"source": source, "kind": kind, "rtp_parameters": parameters.model_dump(exclude_none=True)}
            wish = m.ConnectEndpoint("m", self.name, None, None, (msgspec.convert(new, m.NewProducer),))
            self.stand.ask("connect_endpoint", wish)
            return source

        return transport

    async def _watch(self, slot: str, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            self.frames[slot] = self.frames.get(slot, 0) + 1
            if isinstance(frame, av.VideoFrame):
                self.brightness[slot] = round(float(frame.to_ndarray(format="gray8").mean()))
            else:
                sample = frame.to_ndarray().astype(np.float64)
                self.energy[slot] = self.energy.get(slot, 0.0) + float((sample**2).mean())

    async def close(self) -> None:
        for transport in self.transports:
            await transport.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@asynccontextmanager
async def visitor(stand: Stand, name: str, *tracks: MediaStreamTrack) -> AsyncIterator[Visitor]:
    made = Visitor(stand, name)
    try:
        await made.join(*tracks)
        yield made
    finally:
        await made.close()
        for track in tracks:
            track.stop()


async def test_two_sites_and_a_listener_meet_the_stage_changes_and_a_mute_is_silence() -> None:
    async with standing() as stand, AsyncExitStack() as hall:
        stand.route("an", tiles=("an", "binh"))
        await hall.enter_async_context(visitor(stand, "an", Tone(440), Card(60)))
        await hall.enter_async_context(visitor(stand, "binh", Tone(660), Card(200)))
        chi = await hall.enter_async_context(visitor(stand, "chi"))
        whole = {"stage-video": "an", "stage-audio": "an", "audio-1": "binh", "tile-1": "binh"}
        await until(lambda: stand.shows("chi") == whole)
        await until(lambda: abs(chi.brightness.get("stage-video", 0) - 60) < 8, "the stage shows an")
        await until(lambda: abs(chi.brightness.get("tile-1", 0) - 200) < 8, "the tile shows binh")
        await until(lambda: chi.energy.get("stage-audio", 0) > 1e6 and chi.energy.get("audio-1", 0) > 1e6, "sound")
        heard = [notice for notice in stand.notices if isinstance(notice, m.Heard)]
        assert set(heard[-1].endpoints) <= {"an", "binh"}

        stand.route("binh", tiles=("an", "binh"))
        await until(lambda: stand.shows("chi").get("stage-video") == "binh")
        await until(lambda: abs(chi.brightness["stage-video"] - 200) < 8, "the stage shows binh")
        frames = chi.frames["stage-video"]
        await until(lambda: chi.frames["stage-video"] > frames + 5, "the picture goes on")

        stand.route("binh", tiles=("an", "binh"), muted=("binh",))
        await until(lambda: "stage-audio" not in stand.shows("chi"))

        async def heard_for_a_while() -> float:
            before = chi.energy["stage-audio"]
            await asyncio.sleep(0.7)
            return chi.energy["stage-audio"] - before

        for _ in range(60):
            if await heard_for_a_while() < 1e5:
                break
        assert await heard_for_a_while() < 1e5, "what was on its way has been played, and no more follows"

        stand.route("binh", tiles=("an", "binh"))
        loud = chi.energy["stage-audio"]
        await until(lambda: chi.energy["stage-audio"] > loud + 1e6, "binh is heard again")
        roles = {
            direction: stand.desk.dump()["routers"]["m"]["endpoints"]["an"][direction]["transport"]["dtls_role"]
            for direction in ("uplink", "downlink")
        }
        assert roles == {"uplink": "client", "downlink": "server"}
