"""Endpoints through real sockets, handshakes and sealed packets: what is sent, lost, repaired, shown and closed."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest
from relay_packets import CC_ID, LEVEL_ID, MID_ID, arrivals, element, rtp, vp8
from relay_stand import (
    AUDIO_SSRC,
    CAMERA,
    MICROPHONE,
    REPAIR_SSRC,
    VIDEO_SSRC,
    RawBrowser,
    RawTransport,
    browser,
    standing,
    until,
)

from media import clock, rtcp
from media import messages as m
from media.dtls import datagrams
from media.ortc import ROUTER_CAPABILITIES
from media.transport import SILENCE


def video(sequence: int, *, key: bool = False, picture: int | None = None, cc: int | None = None) -> bytes:
    elements = element(CC_ID, (sequence if cc is None else cc).to_bytes(2, "big"))
    picture = sequence if picture is None else picture
    payload = vp8(picture, key=key)
    return rtp(sequence, picture * 6000, payload, ssrc=VIDEO_SSRC, marker=True, elements=elements)


def audio(sequence: int, level: int = 30) -> bytes:
    elements = element(LEVEL_ID, bytes([level])) + element(CC_ID, (sequence & 0xFFFF).to_bytes(2, "big"))
    return rtp(sequence, sequence * 960, b"opus", ssrc=AUDIO_SSRC, payload_type=111, elements=elements)


def repair(sequence: int, lost: bytes) -> bytes:
    """RFC 4588: the lost packet's number before its payload. ``lost`` has one extension word."""
    original = lost[20:]
    stamp = int.from_bytes(lost[4:8], "big")
    return rtp(sequence, stamp, lost[2:4] + original, ssrc=REPAIR_SSRC, payload_type=97, marker=True)


def feedback(transport: RawTransport, kind: int, count: int) -> list[bytes]:
    return [body for report in transport.reports for k, c, body in rtcp.walk(report) if (k, c) == (kind, count)]


def sender(made: RawBrowser) -> RawTransport:
    assert made.send is not None
    return made.send


async def test_a_gap_is_asked_for_and_its_repair_reaches_the_receiver_in_its_place() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA) as an, browser(stand, "binh") as binh:
        stand.route("an")
        up = sender(an)
        up.send(video(65_534, key=True))
        up.send(video(65_535))
        up.send(video(2))
        await until(lambda: feedback(up, 205, 1), "a NACK")
        assert rtcp.asked(feedback(up, 205, 1)[0]) == [0, 1]
        up.send(repair(1, video(1)))
        up.send(repair(2, video(0)))
        up.send(repair(3, video(2)))
        await until(lambda: len(binh.got("stage-video")) == 5)
        first = binh.got("stage-video")[0].sequence
        assert [(seen.sequence - first) & 0xFFFF for seen in binh.got("stage-video")] == [0, 1, 4, 3, 2]


async def test_a_receivers_nack_is_answered_and_its_picture_loss_reaches_the_sender() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA) as an, browser(stand, "binh") as binh:
        stand.route("an")
        for sequence in range(3):
            sender(an).send(video(sequence, key=sequence == 0))
        await until(lambda: len(binh.got("stage-video")) == 3)
        lost = binh.got("stage-video")[1]
        binh.receive.send_rtcp(rtcp.nack(lost.ssrc, [lost.sequence]))
        await until(lambda: binh.got("stage-video", repaired=True))
        assert binh.got("stage-video", repaired=True)[0].payload == struct.pack("!H", lost.sequence) + lost.payload
        asked = len(feedback(sender(an), 206, 1))
        binh.receive.send_rtcp(rtcp.picture_loss(lost.ssrc))
        await until(lambda: len(feedback(sender(an), 206, 1)) > asked)
        assert rtcp.media_ssrc(feedback(sender(an), 206, 1)[-1]) == VIDEO_SSRC


async def test_the_sender_is_told_what_arrived_and_what_was_lost() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA) as an:
        for sequence in (0, 1, 2, 5):
            sender(an).send(video(sequence, key=sequence == 0))
        await until(lambda: feedback(sender(an), 205, 15) and feedback(sender(an), 201, 1))
        told: dict[int, int | None] = {}
        for report in sender(an).reports:
            if report[1] == 205 and report[0] & 31 == 15:
                told |= arrivals(report)
        assert [sequence for sequence, arrival in told.items() if arrival is None] == [3, 4]
        (ssrc,) = struct.unpack_from("!I", feedback(sender(an), 201, 1)[0], 4)
        assert ssrc == VIDEO_SSRC


async def test_slots_follow_the_route_and_every_change_is_told() -> None:
    async with (
        standing() as stand,
        browser(stand, "an", CAMERA, MICROPHONE) as an,
        browser(stand, "binh", CAMERA, MICROPHONE) as binh,
        browser(stand, "chi") as chi,
    ):
        stand.route("an", tiles=("an", "binh"))
        for site in (an, binh):
            for sequence in range(3):
                sender(site).send(video(sequence, key=sequence == 0))
                sender(site).send(audio(sequence, 127))
        whole = {"stage-video": "an", "stage-audio": "an", "audio-1": "binh", "tile-1": "binh"}
        await until(lambda: stand.shows("chi") == whole)
        assert [n.endpoint for n in stand.notices if isinstance(n, m.ProducerStarted)].count("an") == 2
        await until(lambda: stand.shows("an") == {"audio-1": "binh", "tile-1": "binh"})
        stand.route("binh", tiles=("an", "binh"))
        await until(lambda: feedback(sender(binh), 206, 1))
        sender(binh).send(video(3, key=True))
        sender(an).send(video(3, key=True))
        switched = {"stage-video": "binh", "stage-audio": "binh", "audio-1": "an", "tile-1": "an"}
        await until(lambda: stand.shows("chi") == switched)
        sequences = [seen.sequence for seen in chi.got("stage-video")]
        assert [(later - sequences[0]) & 0xFFFF for later in sequences] == list(range(len(sequences)))
        stand.ask("close_producer", m.CloseProducer("m", "binh", "camera"))
        del switched["stage-video"]
        await until(lambda: stand.shows("chi") == switched)
        stand.ask("close_endpoint", m.CloseEndpoint("m", "binh"))
        await until(lambda: stand.shows("chi") == {"audio-1": "an", "tile-1": "an"})


async def test_a_muted_site_is_silent_at_every_receiver_and_is_not_heard() -> None:
    async with standing() as stand, browser(stand, "an", MICROPHONE) as an, browser(stand, "binh") as binh:
        stand.route("an", muted=("an",))
        for sequence in range(60):
            sender(an).send(audio(sequence, 10))
        stand.route(None, muted=("an",))
        for sequence in range(60, 120):
            sender(an).send(audio(sequence, 10))
        await until(lambda: any(isinstance(n, m.ProducerStarted) for n in stand.notices))
        stand.route("an")
        await until(lambda: stand.shows("binh") == {"stage-audio": "an"})
        sender(an).send(audio(120, 10))
        await until(lambda: binh.got("stage-audio"))
        assert [len(binh.got(slot)) for slot in ("stage-audio", "audio-1", "audio-2")] == [1, 0, 0]
        assert not [n for n in stand.notices if isinstance(n, m.Heard) and n.endpoints]
        for sequence in range(121, 150):
            sender(an).send(audio(sequence, 10))
        await until(lambda: [n.endpoints for n in stand.notices if isinstance(n, m.Heard)] == [("an",)])


async def test_mute_holds_for_a_microphone_that_is_made_later() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA) as an, browser(stand, "binh") as binh:
        stand.route("an", muted=("an",))
        stand.ask("connect_endpoint", m.ConnectEndpoint("m", "an", None, None, (MICROPHONE,)))
        for sequence in range(10):
            sender(an).send(audio(sequence))
        sender(an).send(video(0, key=True))
        await until(lambda: binh.got("stage-video"))
        assert not binh.got("stage-audio")
        assert not binh.got("audio-1")


async def test_a_camera_that_rests_empties_its_slots_and_comes_back() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA) as an, browser(stand, "binh"):
        stand.route("an")
        sender(an).send(video(0, key=True))
        await until(lambda: stand.shows("binh") == {"stage-video": "an"})
        router = stand.desk.routers["m"]
        router.tick_second(clock.now() + 5_000_000)
        router.tick(clock.now())
        assert stand.shows("binh") == {}
        sender(an).send(video(1, key=True))
        await until(lambda: stand.shows("binh") == {"stage-video": "an"})


async def test_streams_whose_numbers_were_not_told_are_learned_by_mid() -> None:
    untold = m.NewProducer("camera", "video", {**CAMERA.rtp_parameters, "encodings": [{}]})
    async with standing() as stand, browser(stand, "an", untold) as an, browser(stand, "binh") as binh:
        stand.route("an")
        mid = element(MID_ID, b"1")
        sender(an).send(rtp(1, 0, vp8(1, key=True), ssrc=777, elements=element(MID_ID, b"9")))
        sender(an).send(rtp(1, 0, vp8(1, key=True), ssrc=888, elements=mid))
        sender(an).send(rtp(3, 6000, vp8(3), ssrc=888))
        await until(lambda: feedback(sender(an), 205, 1))
        sender(an).send(rtp(1, 3000, struct.pack("!H", 2) + vp8(2), ssrc=889, payload_type=97, elements=mid))
        await until(lambda: len(binh.got("stage-video")) == 3)
        assert stand.desk.dump()["routers"]["m"]["endpoints"]["an"]["uplink"]["strange"] == 1


async def test_asking_twice_answers_the_same() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA) as an:
        wish = m.OpenEndpoint("m", "an", True, ROUTER_CAPABILITIES)
        assert stand.ask("open_endpoint", wish) == an.offer
        again = m.ConnectEndpoint("m", "an", an.receive.parameters(), sender(an).parameters(), (CAMERA,))
        producer = stand.desk.routers["m"].endpoints["an"].uplink
        assert producer is not None
        before = producer.producers["camera"]
        assert stand.ask("connect_endpoint", again) == {}
        assert producer.producers["camera"] is before
        stand.ask("close_producer", m.CloseProducer("m", "an", "camera"))
        stand.ask("close_producer", m.CloseProducer("m", "an", "camera"))
        stand.ask("close_endpoint", m.CloseEndpoint("m", "an"))
        stand.ask("close_endpoint", m.CloseEndpoint("m", "an"))
        stand.ask("close_router", m.CloseRouter("m"))
        stand.ask("close_router", m.CloseRouter("m"))


async def test_what_cannot_be_done_is_refused_with_a_code_and_changes_nothing() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA) as an, browser(stand, "binh"):
        before = stand.desk.inventory()
        other = {"role": "client", "fingerprints": [{"algorithm": "sha-256", "value": "AA:BB"}]}
        screen = m.NewProducer("screen", "video", {"codecs": [{"mimeType": "video/AV1", "payloadType": 5}]})
        refusals: list[tuple[str, Any, str]] = [
            ("connect_endpoint", m.ConnectEndpoint("m", "nobody", None, None, ()), "endpoint_unknown"),
            ("connect_endpoint", m.ConnectEndpoint("x", "an", None, None, ()), "router_unknown"),
            ("connect_endpoint", m.ConnectEndpoint("m", "an", other, None, ()), "dtls_parameters_refused"),
            ("connect_endpoint", m.ConnectEndpoint("m", "an", {}, None, ()), "dtls_parameters_refused"),
            ("connect_endpoint", m.ConnectEndpoint("m", "an", None, None, (screen,)), "codec_unknown"),
            ("connect_endpoint", m.ConnectEndpoint("m", "binh", None, None, (CAMERA,)), "receive_only"),
            ("open_endpoint", m.OpenEndpoint("m", "chi", True, {"codecs": 5}), "codec_unknown"),
            ("record", m.Record("m", "an", "screen", "r", "127.0.0.1", 9, 1, 96, False), "producer_unknown"),
            ("record", m.Record("m", "an", "camera", "r", "no address", 9, 1, 96, False), "record_address_refused"),
            ("record", m.Record("m", "an", "camera", "r", "127.0.0.1", 99_999, 1, 96, False), "record_address_refused"),
        ]
        for name, wish, code in refusals:
            assert (name, wish, stand.refused(name, wish)) == (name, wish, code)
        assert stand.desk.handle("route", {"router": 5})["error"]["code"] == "request_malformed"
        assert stand.desk.inventory() == before
        assert an.receive.dtls.state == "connected"


async def test_a_wrong_fingerprint_is_a_failed_transport() -> None:
    async with standing() as stand, browser(stand, "an", connect=False) as an:
        value = ":".join(["AB"] * 32)
        wrong = {"role": "client", "fingerprints": [{"algorithm": "sha-256", "value": value}]}
        stand.ask("connect_endpoint", m.ConnectEndpoint("m", "an", wrong, None, ()))
        await an.receive.connect()
        await until(lambda: stand.healths("an") == [("receive", "failed")])


async def test_a_browser_that_would_be_the_server_is_called_by_the_relay() -> None:
    async with standing() as stand, browser(stand, "an", connect=False) as an:
        an.receive.dtls_role = "server"
        an.receive.dtls._set_role("server")
        stand.ask("connect_endpoint", m.ConnectEndpoint("m", "an", an.receive.parameters(), None, ()))
        await an.receive.connect()
        await until(lambda: stand.healths("an") == [("receive", "connected")])


async def test_a_handshake_may_begin_before_the_relay_knows_the_browsers_fingerprint() -> None:
    async with standing() as stand, browser(stand, "an", connect=False) as an:
        an.receive.check()
        await until(lambda: an.receive.answers)
        task = asyncio.create_task(an.receive.connect())
        await asyncio.sleep(0.1)
        stand.ask("connect_endpoint", m.ConnectEndpoint("m", "an", an.receive.parameters(), None, ()))
        await task
        await until(lambda: stand.healths("an") == [("receive", "connected")])


async def test_a_browser_that_stops_checking_is_silent_and_one_that_checks_again_is_back() -> None:
    async with standing() as stand, browser(stand, "an") as an:
        transport = stand.desk.routers["m"].endpoints["an"].downlink.transport
        transport.tick(clock.now() + SILENCE + 1)
        assert stand.healths("an")[-1] == ("receive", "silent")
        an.receive.check()
        await until(lambda: stand.healths("an")[-1] == ("receive", "connected"))


async def test_a_closed_transport_says_so_and_its_address_is_forgotten() -> None:
    async with standing() as stand, browser(stand, "an") as an:
        stand.ask("close_endpoint", m.CloseEndpoint("m", "an"))
        await until(lambda: an.receive.dtls.state == "closed", "close_notify")
        strangers = stand.port.counters.from_strangers
        an.receive.send(rtp(1))
        await until(lambda: stand.port.counters.from_strangers == strangers + 1)
        refused = stand.port.counters.checks_refused
        an.receive.check()
        await until(lambda: stand.port.counters.checks_refused == refused + 1)


async def test_a_browser_that_says_goodbye_is_a_failed_transport() -> None:
    async with standing() as stand, browser(stand, "an") as an:
        await an.receive.dtls.stop()
        await until(lambda: stand.healths("an")[-1] == ("receive", "failed"))


async def test_sound_and_picture_of_the_stage_share_a_stream_and_every_mid_is_its_own() -> None:
    async with standing() as stand, browser(stand, "an") as an:
        parameters = {slot["name"]: slot["rtp_parameters"] for slot in an.offer["slots"]}
        names = {name: p["rtcp"]["cname"] for name, p in parameters.items()}
        assert names["stage-video"] == names["stage-audio"]
        assert len(set(names.values())) == len(names) - 1
        mids = [p["mid"] for p in parameters.values()]
        assert len(set(mids)) == len(mids)
        assert {len(mid) for mid in mids} == {2}
        assert tuple(parameters) == tuple(name for name, _ in m.SLOTS)


@pytest.mark.parametrize("sizes", [[100], [500, 500, 500], [1200, 30], [13], [1300, 100]])
def test_a_flight_is_cut_at_the_borders_of_its_records(sizes: list[int]) -> None:
    records = [b"\x16\xfe\xfd" + bytes(8) + (size - 13).to_bytes(2, "big") + bytes(size - 13) for size in sizes]
    sent = list(datagrams(b"".join(records)))
    assert b"".join(sent) == b"".join(records)
    assert all(len(datagram) <= 1200 or datagram in records for datagram in sent)


def test_records_of_dtls_1_3_are_cut_too_and_what_cannot_be_read_goes_as_it_is() -> None:
    records = [b"\x2e\x00\x01" + (700).to_bytes(2, "big") + bytes(700) for _ in range(3)]
    assert list(datagrams(b"".join(records))) == records
    assert b"".join(datagrams(b"\x16")) == b"\x16"
    assert b"".join(datagrams(b"\x20" + bytes(2000))) == b"\x20" + bytes(2000)


async def test_a_microphone_without_levels_fills_a_free_slot_and_a_screen_may_stand_still() -> None:
    screen = m.NewProducer("screen", "video", CAMERA.rtp_parameters)
    async with standing() as stand, browser(stand, "an", screen, MICROPHONE) as an, browser(stand, "binh") as binh:
        stand.ask("route", m.Route("m", "an", "screen", (), ()))
        stand.route(None)
        sender(an).send(rtp(1, 960, b"opus", ssrc=AUDIO_SSRC, payload_type=111))
        await until(lambda: binh.got("audio-1"))
        stand.ask("route", m.Route("m", "an", "screen", (), ()))
        sender(an).send(video(1, key=True))
        await until(lambda: "stage-video" in stand.shows("binh"))
        stand.desk.routers["m"].tick_second(clock.now() + 60_000_000)
        stand.desk.routers["m"].tick(clock.now())
        assert stand.shows("binh") == {"stage-video": "an", "stage-audio": "an"}


async def test_a_stream_that_ended_is_forgotten_by_libsrtp() -> None:
    """Else its replay window would refuse the same packet of a producer that is made again."""
    async with standing() as stand, browser(stand, "an", MICROPHONE) as an, browser(stand, "binh") as binh:
        stand.route("an")
        sender(an).send(audio(1))
        await until(lambda: len(binh.got("stage-audio")) == 1)
        stand.ask("close_producer", m.CloseProducer("m", "an", "microphone"))
        stand.ask("connect_endpoint", m.ConnectEndpoint("m", "an", None, None, (MICROPHONE,)))
        sender(an).socket.send(sender(an).sent[0])
        await until(lambda: len(binh.got("stage-audio")) == 2)


async def test_a_handshake_that_never_begins_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.dtls.HANDSHAKE", 0.2)
    async with standing() as stand, browser(stand, "an", connect=False) as an:
        stand.ask("connect_endpoint", m.ConnectEndpoint("m", "an", an.receive.parameters(), None, ()))
        await until(lambda: stand.healths("an") == [("receive", "failed")])
