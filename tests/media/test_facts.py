"""What operators are told: every transport, stream and slot by the names of ``docs/metrics.md``, in portions."""

from __future__ import annotations

import asyncio
import json
import re
import struct
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from relay_packets import rtp, vp8
from relay_stand import AUDIO_SSRC, CAMERA, MICROPHONE, VIDEO_SSRC, RawBrowser, Stand, browser, standing, until

from media import clock, process, rtcp
from media import messages as m
from media.ortc import ROUTER_CAPABILITIES

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
LARGEST = 256 * 1024
"""Bytes of a message that the server accepts (``house.py``)."""


def endpoint(stand: Stand, name: str) -> dict[str, Any]:
    return stand.desk.dump()["routers"]["m"]["endpoints"][name]


async def film(site: RawBrowser, frames: int, *, lost: frozenset[int] = frozenset()) -> None:
    """Sends so many pictures of one packet each, the first a key frame, and sound; ``lost`` pictures never leave."""
    assert site.send is not None
    for number in range(frames):
        if number not in lost:
            payload = vp8(number, key=not number, body=bytes(900))
            site.send.send(rtp(number, number * 3600, payload, ssrc=VIDEO_SSRC, marker=True))
        site.send.send(rtp(number, number * 1920, bytes(80), ssrc=AUDIO_SSRC, payload_type=111))
        await asyncio.sleep(0.02)


async def test_a_stream_is_told_with_its_rate_its_loss_and_its_key_frames() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA, MICROPHONE) as an, browser(stand, "binh"):
        stand.route("an")

        def camera() -> dict[str, Any]:
            return endpoint(stand, "an")["uplink"]["producers"]["camera"]["encodings"][0]

        sending = asyncio.create_task(film(an, 120, lost=frozenset(range(20, 120, 4))))
        await until(lambda: camera()["loss"] > 0.1, "a report on the loss")
        told = camera()
        assert told["loss"] < 0.5
        assert told["missing"] > 0
        assert (told["ssrc"], told["live"], told["key_frames"]) == (VIDEO_SSRC, True, 1)
        assert told["key_frames_asked"] >= 1
        assert told["bitrates"][-1] == told["bitrate"]
        await until(lambda: camera()["bitrate"] > 50_000, "a rate of the picture")
        sound = endpoint(stand, "an")["uplink"]["producers"]["microphone"]
        assert (sound["kind"], sound["codec"]) == ("audio", "opus")
        await until(
            lambda: endpoint(stand, "an")["uplink"]["producers"]["microphone"]["encodings"][0]["bitrate"] > 5_000,
            "a rate of the sound",
        )
        await sending


async def test_a_slot_is_told_with_whom_it_shows_and_what_its_receiver_reports() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA, MICROPHONE) as an, browser(stand, "binh") as binh:
        stand.route("an")
        await film(an, 20)
        await until(lambda: binh.got("stage-video"), "the picture")
        slot = binh.slot("stage-video")["encodings"][0]["ssrc"]
        block = rtcp.ReportBlock(slot, fraction=64, lost=5, highest=0, jitter=900, last_report=0, delay=0)
        binh.receive.send_rtcp(rtcp.receiver_report([block]))
        never = (binh.got("stage-video")[0].sequence - 3000) & 0xFFFF
        binh.receive.send_rtcp(rtcp.nack(slot, [never]))

        def stage() -> dict[str, Any]:
            return endpoint(stand, "binh")["downlink"]["slots"]["stage-video"]

        await until(lambda: stage()["loss"] is not None and stage()["unknown"], "the report and the NACK")
        told = stage()
        assert (told["shown"], told["wanted"], told["source"]) == ("an", "an", "camera")
        assert (told["codec"], told["layer"], told["paused"]) == ("VP8", "-/3", False)
        assert (told["loss"], told["jitter_ms"], told["unknown"]) == (0.25, 10.0, 1)
        assert told["packets"] == len(binh.got("stage-video"))
        empty = endpoint(stand, "binh")["downlink"]["slots"]["tile-1"]
        assert (empty["shown"], empty["wanted"], empty["layer"], empty["bitrate"]) == (None, None, None, 0)


async def test_a_transport_is_told_with_its_path_and_its_seal() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA), browser(stand, "binh", connect=False):
        transport = endpoint(stand, "an")["uplink"]["transport"]
        assert (transport["health"], transport["path"], transport["addresses"]) == ("connected", "udp", 1)
        assert transport["srtp_profile"] == "AEAD_AES_128_GCM"
        assert re.fullmatch(r"127\.0\.0\.1:\d+", transport["address"])
        unconnected = endpoint(stand, "binh")["downlink"]["transport"]
        assert (unconnected["health"], unconnected["path"], unconnected["srtp_profile"]) == (None, None, None)


async def test_the_page_names_everything_that_is_told() -> None:
    """``docs/metrics.md`` is the one place that says what the names mean."""
    named = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    async with standing() as stand, browser(stand, "an", CAMERA, MICROPHONE):
        whole = stand.desk.dump()
        told = endpoint(stand, "an")
        down, up = told["downlink"], told["uplink"]
        parts = [whole, whole["port"], whole["routers"]["m"], told, down, up, up["transport"]]
        parts += [down["slots"]["stage-video"], up["producers"]["camera"], up["producers"]["camera"]["encodings"][0]]
        assert {name for part in parts for name in part} - named == set()


async def test_portions_together_tell_the_whole_and_none_is_too_large() -> None:
    async with standing() as stand:
        for number in range(100):
            wish = m.OpenEndpoint("m", f"site-{number:04}-of-a-large-meeting", True, ROUTER_CAPABILITIES)
            stand.ask("open_endpoint", wish)
            uplink = stand.desk.routers["m"].endpoints[wish.endpoint].uplink
            assert uplink is not None
            uplink.produce(CAMERA)
            uplink.produce(MICROPHONE)
        first = stand.ask("dump", m.Dump())
        assert first["routers"] == {"m": 100}
        seen: dict[str, Any] = {}
        for begin in count(0, m.PORTION):
            told = stand.ask("dump", m.Dump("m", begin))
            assert len(json.dumps(told)) < LARGEST / 2
            if not told["endpoints"]:
                break
            assert not seen.keys() & told["endpoints"].keys()
            seen |= told["endpoints"]
        assert seen == json.loads(json.dumps(stand.desk.dump()["routers"]["m"]["endpoints"]))
        assert stand.refused("dump", m.Dump("another", 0)) == "router_unknown"


async def test_totals_count_what_is_there() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA) as an, browser(stand, "binh"):
        stand.route("an")
        await film(an, 5)
        told = stand.ask("metrics", m.Metrics())
        assert {"routers": 1, "endpoints": 2, "udp": 3, "tcp": 0, "silent": 0, "short": 0}.items() <= told.items()
        assert told["producers"] == 1
        assert told["packets_received"] >= 10
        assert told["segments"] is stand.port.wire.segments
        before = told
        await film(an, 5)
        told = stand.ask("metrics", m.Metrics())
        assert told["packets_received"] > before["packets_received"]
        assert told["cpu_seconds"] > before["cpu_seconds"]
        assert told["started"] == before["started"]


async def test_a_receiver_whose_path_is_too_thin_counts_as_short() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA) as an, browser(stand, "binh"):
        stand.route("an")
        sending = asyncio.create_task(film(an, 100_000))
        await until(lambda: endpoint(stand, "an")["uplink"]["producers"]["camera"]["encodings"][0]["bitrate"] > 100_000)
        assert stand.ask("metrics", m.Metrics())["short"] == 0
        estimate = stand.desk.routers["m"].endpoints["binh"].downlink._steering.estimate  # pyright: ignore[reportPrivateUsage]
        estimate.drops += 1
        estimate.heed_remb(30_000, clock.now())
        await until(lambda: stand.ask("metrics", m.Metrics())["short"] == 1, "the pause")
        told = endpoint(stand, "binh")["downlink"]
        stage = told["slots"]["stage-video"]
        assert (stage["paused"], stage["shown"], stage["wanted"]) == (True, None, "an")
        assert told["estimate"] < 100_000 < told["wanted"]
        sending.cancel()


async def test_what_the_kernel_drops_is_told() -> None:
    async with standing() as stand, browser(stand, "an", connect=False) as an:
        receiving = stand.port._socket  # pyright: ignore[reportPrivateUsage]
        if not _tells(receiving):
            pytest.fail("this kernel does not tell what it drops")
        assert process.dropped(receiving) == 0
        datagram = bytes(1400)
        for _ in range(200_000):
            with_room = an.receive.socket.send(datagram)
            assert with_room == len(datagram)
            if process.dropped(receiving):
                break
        assert stand.ask("metrics", m.Metrics())["receive_drops"] > 0


def _tells(receiving: Any) -> bool:
    return len(receiving.getsockopt(1, 55, struct.calcsize("=9I"))) == struct.calcsize("=9I")


def test_memory_is_in_bytes() -> None:
    assert process.memory() > 1 << 20
