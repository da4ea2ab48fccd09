"""Several encodings of one picture: learned by their rids, fed as large as they are shown, stopped when unwatched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

from relay_packets import MID_ID, Seen, element, rtp, vp8
from relay_stand import AUDIO_SSRC, CAMERA, RawBrowser, Stand, browser, standing, until

from media import messages as m
from media.rtp import MID, REPAIRED_RID, RID

RID_ID, REPAIRED_ID = 6, 7
LAYERS = {"r0": (701, 90), "r1": (702, 180), "r2": (703, 360)}
"""SSRC and lines of each encoding."""

SIMULCAST = m.NewProducer(
    "camera",
    "video",
    {
        **CAMERA.rtp_parameters,
        "headerExtensions": [
            {"uri": MID, "id": MID_ID},
            {"uri": RID, "id": RID_ID},
            {"uri": REPAIRED_RID, "id": REPAIRED_ID},
        ],
        "encodings": [{"rid": rid} for rid in LAYERS],
    },
)


def key_frame(lines: int) -> bytes:
    """The beginning of a VP8 key frame (RFC 6386 section 9.1), of a picture so high."""
    return b"\x00\x00\x00\x9d\x01\x2a" + (16 * lines // 9).to_bytes(2, "little") + lines.to_bytes(2, "little")


class Camera:
    """Sends all encodings of one picture, frame by frame; an encoding answers a request for a key frame at once."""

    def __init__(self, site: RawBrowser, *, padding: int = 900) -> None:
        assert site.send is not None
        self.transport, self.picture = site.send, 0
        self.sequences = dict.fromkeys(LAYERS, 100)
        self.stopped: set[str] = set()
        self._body = bytes(padding)
        self._asked = 0

    def keys(self) -> set[int]:
        """The SSRCs of which a key frame was asked since the last frame."""
        reports, self._asked = self.transport.reports[self._asked :], len(self.transport.reports)
        asked = [report for report in reports if report[1] == 206 and report[0] & 31 == 1]
        return {int.from_bytes(report[8:12], "big") for report in asked}

    def send(self, *, key: bool = False) -> None:
        """One frame of every encoding."""
        self.picture += 1
        asked = self.keys()
        for rid, (ssrc, lines) in LAYERS.items():
            if rid in self.stopped:
                continue
            self.sequences[rid] += 1
            begins = key or self.picture == 1 or ssrc in asked
            body = (key_frame(lines)[1:] if begins else b"") + self._body
            elements = element(MID_ID, b"1") + element(RID_ID, rid.encode())
            payload = vp8(self.picture, self.picture, key=begins, body=body)
            stamp = self.picture * 3600
            self.transport.send(rtp(self.sequences[rid], stamp, payload, ssrc=ssrc, marker=True, elements=elements))


async def run(camera: Camera, seconds: float) -> None:
    for _ in range(int(seconds * 25)):
        camera.send()
        await asyncio.sleep(0.04)


async def run_until(camera: Camera, happened: Callable[[], object]) -> None:
    for _ in range(1500):
        if happened():
            return
        await run(camera, 0.04)
    raise AssertionError


def layer(stand: Stand, endpoint: str, slot: str) -> str | None:
    return stand.desk.dump()["routers"]["m"]["endpoints"][endpoint]["downlink"]["slots"][slot]["layer"]


def unbroken(media: list[Seen]) -> bool:
    """One stream without gaps: of numbers, of pictures, and of TL0PICIDX."""
    return all(
        (later.sequence - earlier.sequence) & 0xFFFF == 1
        and (later.picture - earlier.picture) & 0x7FFF == 1
        and (later.tl0 - earlier.tl0) & 0xFF == 1
        for earlier, later in pairwise(media)
    )


async def test_encodings_are_learned_by_their_rids_though_a_repair_comes_first() -> None:
    async with standing() as stand, browser(stand, "an", SIMULCAST) as an:
        assert an.send is not None
        elements = element(MID_ID, b"1") + element(REPAIRED_ID, b"r1")
        an.send.send(rtp(1, 0, b"\x00\x07" + vp8(1), ssrc=802, payload_type=97, elements=elements))
        Camera(an).send()
        uplink = stand.desk.routers["m"].endpoints["an"].uplink
        assert uplink is not None
        encodings = uplink.producers["camera"].encodings
        await until(lambda: all(encoding.packets for encoding in encodings))
        assert {each.rid: (each.stream.ssrc, each.height) for each in encodings} == LAYERS
        an.send.send(rtp(9, 0, b"", ssrc=999, elements=element(MID_ID, b"1") + element(RID_ID, b"r9")))
        await until(lambda: uplink.strange == 1)


async def test_every_slot_has_the_picture_in_the_size_in_which_it_is_shown() -> None:
    async with standing() as stand, browser(stand, "an", SIMULCAST) as an, browser(stand, "binh") as binh:
        stand.route("an", tiles=())
        stand.ask("look", m.Look("m", "binh", (), 90, 90))
        camera = Camera(an)
        await run_until(camera, lambda: layer(stand, "binh", "stage-video") == "r0/3")
        stand.ask("look", m.Look("m", "binh", (), 180, 90))
        await run_until(camera, lambda: layer(stand, "binh", "stage-video") == "r1/3")
        assert unbroken(binh.got("stage-video"))
        stand.ask("look", m.Look("m", "binh", (), 0, 90))
        await until(lambda: layer(stand, "binh", "stage-video") is None)


async def test_encodings_that_nobody_takes_are_told_and_told_again_when_they_are_wanted() -> None:
    async with standing() as stand, browser(stand, "an", SIMULCAST) as an, browser(stand, "binh"):
        stand.route("an", tiles=())
        stand.ask("look", m.Look("m", "binh", (), 90, 90))

        def told() -> list[tuple[str, ...]]:
            return [n.rids for n in stand.notices if isinstance(n, m.EncodingsWatched)]

        await run_until(Camera(an), lambda: told() and told()[-1] == ("r0",))
        stand.ask("look", m.Look("m", "binh", (), 180, 90))
        await until(lambda: "r1" in told()[-1])


async def test_an_encoding_that_stops_gives_way_to_the_best_that_still_comes() -> None:
    async with standing() as stand, browser(stand, "an", SIMULCAST) as an, browser(stand, "binh") as binh:
        stand.route("an", tiles=())
        stand.ask("look", m.Look("m", "binh", (), 180, 90))
        camera = Camera(an)
        await run_until(camera, lambda: layer(stand, "binh", "stage-video") == "r1/3")
        camera.stopped.add("r1")
        await run_until(camera, lambda: layer(stand, "binh", "stage-video") == "r0/3")
        assert unbroken(binh.got("stage-video"))


async def test_sound_has_one_encoding_only() -> None:
    two = m.NewProducer("microphone", "audio", {"codecs": [], "encodings": [{"ssrc": AUDIO_SSRC}, {"ssrc": 9}]})
    async with standing() as stand, browser(stand, "an", SIMULCAST):
        assert stand.refused("connect_endpoint", m.ConnectEndpoint("m", "an", None, None, (two,))) == "codec_unknown"


async def test_a_picture_that_does_not_come_yet_is_waited_for_with_the_best_smaller_one() -> None:
    async with standing() as stand, browser(stand, "an", SIMULCAST) as an, browser(stand, "binh") as binh:
        stand.route("an", tiles=())
        stand.ask("look", m.Look("m", "binh", (), 90, 90))
        camera = Camera(an)
        await run(camera, 0.5)
        camera.stopped |= {"r1", "r2"}
        await run(camera, 2)
        stand.ask("look", m.Look("m", "binh", (), 180, 90))
        before = len(binh.got("stage-video"))
        await run(camera, 1)
        assert layer(stand, "binh", "stage-video") == "r0/3"
        assert len(binh.got("stage-video")) > before + 10
        assert "r1" in [n.rids for n in stand.notices if isinstance(n, m.EncodingsWatched)][-1]
        camera.stopped.clear()
        await run_until(camera, lambda: layer(stand, "binh", "stage-video") == "r1/3")
        assert unbroken(binh.got("stage-video"))
