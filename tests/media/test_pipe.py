"""One meeting on two relays: seen, heard, lost, repaired, muted and closed across the pipe between them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace
from relay_packets import CC_ID, LEVEL_ID, element, rtp, vp8
from relay_stand import AUDIO_SSRC, CAMERA, MICROPHONE, REPAIR_SSRC, VIDEO_SSRC, RawBrowser, RawTransport, until
from two_relays import TwoRelays, numbers, two_relays

from media import clock, rtcp
from media import messages as m
from media.ortc import ROUTER_CAPABILITIES
from media.piping import LINGER
from media.routing import Feed


def video(sequence: int, *, key: bool = False) -> bytes:
    elements = element(CC_ID, (sequence & 0xFFFF).to_bytes(2, "big"))
    payload = vp8(sequence, key=key, body=b"picture %d" % sequence)
    return rtp(sequence, sequence * 6000, payload, ssrc=VIDEO_SSRC, marker=True, elements=elements)


def audio(sequence: int, level: int = 30) -> bytes:
    elements = element(LEVEL_ID, bytes([level])) + element(CC_ID, (sequence & 0xFFFF).to_bytes(2, "big"))
    return rtp(sequence, sequence * 960, b"opus %d" % sequence, ssrc=AUDIO_SSRC, payload_type=111, elements=elements)


def repair(sequence: int, lost: bytes) -> bytes:
    """RFC 4588: the lost packet's number before its payload. ``lost`` has one extension word."""
    stamp = int.from_bytes(lost[4:8], "big")
    return rtp(sequence, stamp, lost[2:4] + lost[20:], ssrc=REPAIR_SSRC, payload_type=97, marker=True)


def sender(made: RawBrowser) -> RawTransport:
    assert made.send is not None
    return made.send


def asked(transport: RawTransport, kind: int, count: int) -> list[bytes]:
    return [body for report in transport.reports for k, c, body in rtcp.walk(report) if (k, c) == (kind, count)]


def pictures(transport: RawTransport) -> int:
    """How many key frames were asked of a sender."""
    return len(asked(transport, rtcp.PAYLOAD_FEEDBACK, rtcp.PICTURE_LOSS))


async def begin(both: TwoRelays, an: RawBrowser, *receivers: RawBrowser) -> None:
    """An is on the stage and has sent packet 0; the receivers on the other relay have seen it."""
    sender(an).send(video(0, key=True))
    sender(an).send(audio(0))
    both.route(stage="an")
    await until(lambda: len(both.span.producers.get("an", {})) == 2, "both producers are known")
    await until(lambda: pictures(sender(an)), "a key frame is asked for across the pipe")
    sender(an).send(video(1, key=True))
    for receiver in receivers:
        await until(lambda receiver=receiver: receiver.got("stage-video"), f"a picture at {receiver.name}")
        await until(lambda receiver=receiver: both.other.shows(receiver.name).get("stage-video") == "an")


@asynccontextmanager
async def stage() -> AsyncIterator[tuple[TwoRelays, RawBrowser, RawBrowser]]:
    """An is on the stage on one relay, and Binh sees it on the other."""
    async with (
        two_relays() as both,
        both.browser(both.one, "an", CAMERA, MICROPHONE) as an,
        both.browser(both.other, "binh") as binh,
    ):
        await begin(both, an, binh)
        yield both, an, binh


async def test_a_sender_on_one_relay_is_seen_and_heard_on_the_other_and_crosses_once() -> None:
    async with (
        two_relays() as both,
        both.browser(both.one, "an", CAMERA, MICROPHONE) as an,
        both.browser(both.other, "binh") as binh,
        both.browser(both.other, "chau") as chau,
    ):
        await begin(both, an, binh, chau)
        for sequence in range(2, 50):
            sender(an).send(video(sequence))
            sender(an).send(audio(sequence))
        for receiver in (binh, chau):
            await until(lambda receiver=receiver: len(receiver.got("stage-video")) >= 49)
            await until(lambda receiver=receiver: len(receiver.got("stage-audio")) >= 48)
            seen = receiver.got("stage-video")
            assert numbers(seen) == list(range(49))
            assert [packet.payload.partition(b"picture ")[2] for packet in seen] == [
                b"%d" % sequence for sequence in range(1, 50)
            ]
            assert receiver.got("stage-audio")[-1].payload == b"opus 49"
        shows = both.other.shows("binh")
        assert (shows["stage-video"], shows["stage-audio"]) == ("an", "an")
        carried = {facts["source"]: facts["packets"] for facts in both.pipe(both.one).facts()["sends"]}
        assert carried["camera"] <= 50, "once for the relay, not once for each receiver"
        assert carried["microphone"] <= 50


async def test_only_what_the_other_relay_needs_crosses() -> None:
    async with two_relays() as both, AsyncExitStack() as stack:
        names = [f"site{place}" for place in range(7)]
        senders = [await stack.enter_async_context(both.browser(both.one, name, CAMERA, MICROPHONE)) for name in names]
        await stack.enter_async_context(both.browser(both.other, "binh"))
        for each in senders:
            sender(each).send(video(1, key=True))
            sender(each).send(audio(1, level=127))
        await until(lambda: all(len(both.span.producers.get(name, {})) == 2 for name in names))
        both.route(stage="site0", tiles=tuple(names))
        await until(lambda: "m" in both.other.desk.routers and both.other.desk.routers["m"].pipes.inventory())
        await until(lambda: len(both.pipe(both.other).inventory().receives) == 6)
        crossing = {(stream.endpoint, stream.source) for stream in both.pipe(both.other).inventory().receives}
        assert crossing == {
            ("site0", "camera"),
            ("site0", "microphone"),
            *((f"site{n}", "camera") for n in range(1, 5)),
        }
        for sequence in range(2, 30):
            sender(senders[6]).send(audio(sequence, level=20))
        await until(lambda: ("site6", "microphone") in _receives(both), "who speaks is heard on the other relay too")


async def test_losses_on_both_ways_are_repaired_and_the_nearest_relay_answers_the_browser() -> None:
    async with stage() as (both, an, binh):
        drop = set[int]()

        def drops(datagram: bytes) -> bool:
            """Each numbered packet of the picture once: RTP lies open but for its payload."""
            at = int.from_bytes(datagram[2:4], "big")
            if datagram[1] & 0x7F == 101 and at in drop:
                drop.remove(at)
                return True
            return False

        both.lossy.drops = drops
        (flow,) = [f for _, _, fs in both.pipe(both.one).outflows.values() for f in fs if f.encoding.codec == "VP8"]
        crossed = flow._newest
        drop |= {crossed + 3, crossed + 4, crossed + 8}
        for sequence in range(2, 14):
            if sequence != 6:
                sender(an).send(video(sequence))
                await asyncio.sleep(0.002)
        await until(lambda: asked(sender(an), rtcp.TRANSPORT_FEEDBACK, rtcp.GENERIC_NACK), "the first relay asks")
        sender(an).send(repair(1, video(6)))
        await until(lambda: len(binh.got("stage-video")) == 13, "all that was lost on either way")
        assert sorted(numbers(binh.got("stage-video"))) == list(range(13))
        assert not drop
        assert flow.repeated == 3

        lost = binh.got("stage-video")[-1].sequence
        ssrc = binh.slot("stage-video")["encodings"][0]["ssrc"]
        before = len(both.lossy.passed)
        binh.receive.send_rtcp(rtcp.nack(ssrc, [lost]))
        await until(lambda: binh.got("stage-video", repaired=True), "the repetition")
        assert flow.repeated == 3
        assert not [d for d in both.lossy.passed[before:] if d[1] == rtcp.TRANSPORT_FEEDBACK]


async def test_a_storm_of_picture_losses_is_one_request_at_the_sender() -> None:
    async with two_relays() as both, AsyncExitStack() as stack:
        an = await stack.enter_async_context(both.browser(both.one, "an", CAMERA, MICROPHONE))
        receivers = [await stack.enter_async_context(both.browser(both.other, f"r{n}")) for n in range(20)]
        await begin(both, an, *receivers)
        await asyncio.sleep(0.6)
        before = pictures(sender(an))
        for each in receivers:
            ssrc = each.slot("stage-video")["encodings"][0]["ssrc"]
            each.receive.send_rtcp(rtcp.picture_loss(ssrc))
            each.receive.send_rtcp(rtcp.picture_loss(ssrc))
        await until(lambda: pictures(sender(an)) > before)
        sender(an).send(video(2, key=True))
        await until(lambda: all(len(each.got("stage-video")) == 2 for each in receivers))
        await asyncio.sleep(0.7)
        assert pictures(sender(an)) == before + 1


async def test_when_a_relay_dies_the_slots_that_it_fed_on_the_other_are_emptied_and_told() -> None:
    async with stage() as (both, _, _):
        assert both.other.shows("binh")["stage-video"] == "an"
        both.dies(both.one)
        await until(lambda: both.other.shows("binh") == {}, "the slots are empty")
        assert both.other.desk.routers["m"].pipes.inventory() == ()
        assert both.span.homes == {"binh": both.other.desk.id}


async def test_a_mute_holds_at_the_origin_and_nothing_of_it_crosses() -> None:
    async with stage() as (both, an, binh):
        sender(an).send(audio(1))
        await until(lambda: binh.got("stage-audio"))
        both.route(muted=("an",))
        await until(lambda: "stage-audio" not in both.other.shows("binh"))
        flows = [f for _, _, fs in both.pipe(both.one).outflows.values() for f in fs if f.encoding.codec == "opus"]
        crossed, heard = flows[0].packets, len(binh.got("stage-audio"))
        for sequence in range(2, 60):
            sender(an).send(audio(sequence))
        microphone = both.one.desk.routers["m"]._producer("an", "microphone")
        assert microphone is not None
        await until(lambda: microphone.encodings[0].stream.received == 60)
        assert flows[0].packets == crossed
        both.route(muted=())
        await until(lambda: both.other.shows("binh").get("stage-audio") == "an")
        sender(an).send(audio(60))
        await until(lambda: len(binh.got("stage-audio")) == heard + 1)
        assert binh.got("stage-audio")[-1].payload == b"opus 60"


async def test_who_speaks_on_one_relay_is_heard_on_the_other_and_the_whole_meeting_is_told() -> None:
    async with (
        two_relays() as both,
        both.browser(both.one, "an", MICROPHONE) as an,
        both.browser(both.other, "binh", MICROPHONE),
        both.browser(both.other, "chau") as chau,
    ):
        for sequence in range(400):
            sender(an).send(audio(sequence, level=10))
            await asyncio.sleep(0.01)
            if both.heard and chau.got("audio-1"):
                break
        await until(lambda: both.other.shows("chau").get("audio-1") == "an", "the voice has a slot")
        assert both.heard == [("an",)], "once, by the relay that has most of the meeting"


async def test_sound_and_picture_keep_the_senders_time_across_the_pipe() -> None:
    async with two_relays() as both, both.browser(both.one, "an", CAMERA, MICROPHONE) as an:
        now = clock.to_ntp(clock.now())
        for ssrc, rate in ((VIDEO_SSRC, 90_000), (AUDIO_SSRC, 48_000)):
            report = rtcp.full_report(ssrc, ntp=now, stamp=rate, packets=0, octets=0, cname=b"an")
            sender(an).send_rtcp(report)
        async with both.browser(both.other, "binh") as binh:
            await begin(both, an, binh)
            one, other = (both.one.desk.routers["m"], both.other.desk.routers["m"])
            drifts: list[float] = []
            for source in ("camera", "microphone"):
                here, there = one._producer("an", source), other._producer("an", source)
                assert here is not None
                assert there is not None
                await until(lambda there=there: there.encodings[0].mapped(clock.now()), "a report has crossed")
                moment = clock.now()
                mapped, origin = there.encodings[0].mapped(moment), here.encodings[0].mapped(moment)
                assert mapped is not None
                assert origin is not None
                rate = here.encodings[0].stream.clock_rate
                drifts.append((mapped[1] - origin[1]) / rate - (mapped[0] - origin[0]) / 1e6)
            assert abs(drifts[0] - drifts[1]) < 0.002, "lips match"
            assert all(abs(drift) < 1 for drift in drifts), "but for what the way between the relays takes"


async def test_every_layer_of_a_picture_crosses_as_one_stream_of_its_own() -> None:
    layers = [
        {"rid": rid, "ssrc": ssrc, "rtx": {"ssrc": ssrc + 1}} for rid, ssrc in (("q", 610), ("h", 620), ("f", 630))
    ]
    camera = replace(CAMERA, rtp_parameters={**CAMERA.rtp_parameters, "encodings": layers})
    async with (
        two_relays() as both,
        both.browser(both.one, "an", camera) as an,
        both.browser(both.other, "binh") as binh,
    ):
        both.route(stage="an")
        for sequence in range(1, 200):
            for ssrc in (610, 620):
                payload = vp8(sequence, key=True, body=b"%d" % ssrc)
                sender(an).send(rtp(sequence, sequence * 6000, payload, ssrc=ssrc, marker=True))
            await asyncio.sleep(0.01)
            if binh.got("stage-video"):
                break
        await until(lambda: both.other.shows("binh").get("stage-video") == "an")
        there = both.other.desk.routers["m"]._producer("an", "camera")
        assert there is not None
        await until(lambda: [encoding.packets > 0 for encoding in there.encodings] == [True, True, False])
        assert [encoding.live for encoding in there.encodings] == [True, True, False]


async def test_a_layer_that_nobody_takes_on_the_other_relay_does_not_cross_until_somebody_does() -> None:
    layers = [{"rid": rid, "ssrc": ssrc, "rtx": {"ssrc": ssrc + 1}} for rid, ssrc in (("q", 610), ("h", 620))]
    camera = replace(CAMERA, rtp_parameters={**CAMERA.rtp_parameters, "encodings": layers})
    sequence = 0
    async with two_relays() as both, both.browser(both.one, "an", camera) as an, both.browser(both.other, "binh"):
        both.route(stage="an")

        def film(*ssrcs: int) -> None:
            nonlocal sequence
            sequence += 1
            for ssrc, width, height in ((610, 320, 180), (620, 640, 360)):
                if ssrc not in ssrcs:
                    continue
                size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
                payload = vp8(sequence, key=True, body=b"\0\0\x9d\x01\x2a" + size + bytes(200))
                sender(an).send(rtp(sequence, sequence * 900, payload, ssrc=ssrc, marker=True))

        async def filming(happened: Callable[[], object], *ssrcs: int) -> None:
            for _ in range(2000):
                film(*ssrcs or (610, 620))
                await asyncio.sleep(0.01)
                if happened():
                    return
            raise AssertionError

        def looks(height: int) -> None:
            both.other.ask("look", m.Look("m", "binh", (), stage_height=height, tile_height=0))

        def there() -> list[int]:
            producer = both.other.desk.routers["m"]._producer("an", "camera")
            return [encoding.packets for encoding in producer.encodings] if producer else [0, 0]

        def watched() -> list[bool]:
            producer = both.one.desk.routers["m"]._producer("an", "camera")
            assert producer is not None
            return [encoding.watched for encoding in producer.encodings]

        await filming(lambda: both.watched, 610)
        small, _ = there()
        await filming(lambda: there()[0] > small + 20, 610)
        await filming(lambda: there()[1])
        looks(90)
        await filming(lambda: watched() == [True, False] and both.watched)
        assert both.watched[-1] in (("q",), ("q", "h")), "nobody takes the large picture: its sender may stop it"
        small, _ = there()
        await filming(lambda: there()[0] >= small + 20)
        _, large = there()
        await filming(lambda: there()[0] >= small + 40)
        assert there()[1] == large
        looks(1080)
        await filming(lambda: there()[1] >= large + 10)
        producer = both.other.desk.routers["m"]._producer("an", "camera")
        assert producer is not None
        assert not producer.encodings[1].stream.missing, "what was not sent is not asked for"


async def test_a_pipe_that_an_end_has_closed_is_made_anew() -> None:
    async with stage() as (both, an, binh):
        before = both.pipe(both.other).wish.pipe
        both.other.ask("close_pipe", m.ClosePipe("m", before))
        both.route(tiles=("an",))
        both.span._piping.renewed("an", "camera")
        await until(lambda: both.failures, "the feed is refused")
        await until(lambda: len(both.other.desk.routers["m"].pipes.inventory()) == 1, "another pipe")
        assert both.pipe(both.other).wish.pipe != before
        assert len(both.one.desk.routers["m"].pipes.inventory()) == 1
        shown = len(binh.got("stage-video"))
        sender(an).send(video(2, key=True))
        await until(lambda: len(binh.got("stage-video")) > shown)


async def test_a_relay_that_is_slow_to_pipe_does_not_hold_up_the_routes() -> None:
    async with stage() as (both, _, _):
        both.slow.clear()
        both.span._piping.renewed("an", "camera")
        both.route(muted=("an",))
        await until(lambda: both.one.desk.routers["m"]._route.muted == ("an",), "the mute holds")
        await until(lambda: both.other.desk.routers["m"]._route.muted == ("an",))
        await until(lambda: both.failures, "the round is done again")
        both.slow.set()
        both.route(muted=())
        await until(lambda: _receives(both) == {("an", "camera"), ("an", "microphone")})


async def test_what_nobody_needs_any_more_crosses_for_a_while_and_then_no_more() -> None:
    async with stage() as (both, _, _):
        follow, homes, producers = both.span._piping.follow, both.span.homes, both.span.producers
        one, other = both.one.desk.id, both.other.desk.id
        feeds = {Feed("an", "camera"), Feed("an", "microphone")}
        assert await follow({one: set(), other: feeds}, homes, producers, 100.0) is None
        assert await follow({one: set(), other: {Feed("an", "camera")}}, homes, producers, 101.0) == 101.0 + LINGER
        assert _receives(both) == {("an", "camera"), ("an", "microphone")}
        assert await follow({one: set(), other: feeds}, homes, producers, 105.0) is None, "the speaker goes on"
        needed = {one: set[Feed](), other: {Feed("an", "camera")}}
        assert await follow(needed, homes, producers, 106.0) == 106.0 + LINGER
        assert await follow(needed, homes, producers, 106.0 + LINGER) is None
        assert _receives(both) == {("an", "camera")}


async def test_a_camera_that_is_made_anew_crosses_under_a_new_ssrc() -> None:
    async with stage() as (both, an, _):
        (before,) = [s.ssrc for s in both.pipe(both.one).inventory().sends if s.source == "camera"]
        await both.span.close_producer(m.CloseProducer("m", "an", "camera"))
        both.route()
        await until(lambda: "stage-video" not in both.other.shows("binh"))
        parameters = {**CAMERA.rtp_parameters, "encodings": [{"ssrc": 777, "rtx": {"ssrc": 778}}]}
        camera = m.NewProducer("camera", "video", parameters)
        both.one.ask("connect_endpoint", m.ConnectEndpoint("m", "an", None, None, (camera,)))
        stamp = rtp(1, 9, vp8(1, key=True), ssrc=777, marker=True)
        sender(an).send(stamp)
        await until(lambda: both.other.shows("binh").get("stage-video") == "an" or _again(an, both))
        after = {s.ssrc for s in both.pipe(both.one).inventory().sends if s.source == "camera"}
        assert after
        assert before not in after


async def test_a_server_that_returns_takes_the_pipes_over_as_they_are() -> None:
    async with stage() as (both, an, binh):
        held = [both.pipe(stand).inventory() for stand in (both.one, both.other)]
        span = both.new_span()
        for stand in (both.one, both.other):
            (router,) = stand.desk.inventory().routers
            span.hold(stand.desk.id, router)
        both.asked.clear()
        await until(lambda: "route" in both.asked)
        await asyncio.sleep(0.1)
        assert [both.pipe(stand).inventory() for stand in (both.one, both.other)] == held
        assert not {"open_pipe", "close_pipe", "feed_pipe"} & set(both.asked)
        sender(an).send(video(2))
        await until(lambda: len(binh.got("stage-video")) == 2)


async def test_a_meeting_that_is_one_relays_again_has_no_pipe() -> None:
    async with stage() as (both, _, _):
        await both.span.close_endpoint(m.CloseEndpoint("m", "binh"))
        both.route()
        await until(lambda: not both.one.desk.routers["m"].pipes.inventory())
        assert "m" not in both.other.desk.routers
        camera = both.one.desk.routers["m"]._producer("an", "camera")
        assert camera is not None
        assert not camera.encodings[0].consumers


async def test_a_wish_that_does_not_change_is_told_once() -> None:
    async with stage() as (both, _, _):
        both.asked.clear()
        for _ in range(3):
            await both.span.route(both.wish)
        assert both.asked == []


async def test_strangers_and_forgeries_do_not_come_in() -> None:
    async with stage() as (both, an, binh):
        pipe = both.pipe(both.other)
        (stream,) = [s for s in pipe.inventory().receives if s.source == "camera"]
        forged = rtp(0x1005, 1, vp8(9, key=True), ssrc=stream.ssrc, payload_type=101, marker=True)
        both.lossy._ends[0][0].sendto(forged, pipe._socket.getsockname())
        both.lossy._ends[1][0].sendto(forged, pipe._socket.getsockname())
        await until(lambda: pipe.facts()["srtp_refused"][0] == 1, "the forgery is refused, the stranger not heard")
        sender(an).send(video(2))
        await until(lambda: len(binh.got("stage-video")) == 2)


KEY = secrets.token_hex(m.PIPE_KEY)


@pytest.mark.parametrize(
    ("request_", "wish"),
    [
        ("open_pipe", m.OpenPipe("m", "p", "00" * 27, KEY)),
        ("open_pipe", m.OpenPipe("m", "p", KEY, "no digits")),
        ("connect_pipe", m.ConnectPipe("m", "nobody's", "127.0.0.1", 9)),
        ("feed_pipe", m.FeedPipe("m", "nobody's", (), ())),
    ],
)
async def test_what_cannot_be_a_pipe_is_refused(request_: str, wish: Any) -> None:
    async with two_relays() as both:
        both.one.ask("open_endpoint", m.OpenEndpoint("m", "an", True, ROUTER_CAPABILITIES))
        assert both.one.refused(request_, wish) == "pipe_refused"


async def test_the_same_pipe_asked_twice_is_one_and_with_other_keys_is_refused() -> None:
    async with two_relays() as both:
        both.one.ask("open_endpoint", m.OpenEndpoint("m", "an", True, ROUTER_CAPABILITIES))
        wish = m.OpenPipe("m", "p", KEY, secrets.token_hex(m.PIPE_KEY))
        assert both.one.ask("open_pipe", wish) == both.one.ask("open_pipe", wish)
        assert both.one.refused("open_pipe", replace(wish, sealing_key=secrets.token_hex(m.PIPE_KEY))) == "pipe_refused"
        both.one.ask("close_pipe", m.ClosePipe("m", "p"))
        both.one.ask("close_pipe", m.ClosePipe("m", "p"))
        both.other.ask("close_pipe", m.ClosePipe("m", "p"))
        assert both.other.desk.routers == {}


async def test_a_pipe_without_a_usable_address_says_so() -> None:
    async with two_relays() as both:
        both.one.desk._pipe_address = "203.0.113.1"
        both.one.ask("open_endpoint", m.OpenEndpoint("m", "an", True, ROUTER_CAPABILITIES))
        assert both.one.refused("open_pipe", m.OpenPipe("m", "p", KEY, KEY)) == "pipe_refused"


def _receives(both: TwoRelays) -> set[tuple[str, str]]:
    return {(stream.endpoint, stream.source) for stream in both.pipe(both.other).inventory().receives}


def _again(an: RawBrowser, both: TwoRelays) -> bool:
    """A key frame as soon as one is asked for."""
    if pictures(sender(an)) > 1:
        sender(an).send(rtp(2, 9_000, vp8(2, key=True), ssrc=777, marker=True))
    return both.other.shows("binh").get("stage-video") == "an"
