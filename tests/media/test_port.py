"""The media port against whatever arrives: 10,000 broken datagrams change nothing but counters."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from relay_packets import CC_ID, LEVEL_ID, element, rtp, vp8
from relay_stand import AUDIO_SSRC, CAMERA, MICROPHONE, VIDEO_SSRC, Stand, browser, standing, until

from media.port import Port, PortUnavailable


def test_a_port_in_use_is_told_in_a_sentence() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        number = taken.getsockname()[1]
        with pytest.raises(PortUnavailable, match=f"UDP port {number} of 127.0.0.1 cannot be used: .+"):
            Port("127.0.0.1", number)


def test_listening_everywhere_needs_an_address_to_announce() -> None:
    with pytest.raises(PortUnavailable, match="NGHISU_ANNOUNCE"):
        Port("0.0.0.0", 0)
    port = Port("0.0.0.0", 0, ["192.0.2.1", "2001:db8::1"])
    assert port.announced == ("192.0.2.1", "2001:db8::1")
    port.close()


def audio(sequence: int, level: int = 30) -> bytes:
    elements = element(LEVEL_ID, bytes([level])) + element(CC_ID, sequence.to_bytes(2, "big"))
    return rtp(sequence, sequence * 960, b"opus", ssrc=AUDIO_SSRC, payload_type=111, elements=elements)


def state(stand: Stand) -> Any:
    """All that the relay shows of itself, less its counters and who was heard a moment ago."""

    def quiet(facts: Any) -> Any:
        if isinstance(facts, dict):
            counters = {
                "heard",
                "port",
                "srtp_refused",
                "strange",
                "garbage",
                "repeats",
                "jitter_ms",
                "key_frames_asked",
            }
            estimates = {"estimate", "wanted", "rtt_ms", "repair_rtt_ms", "bitrate", "bitrates", "loss"}
            estimates |= {"delivered", "queue_ms", "cpu_seconds", "memory"}
            return {key: quiet(value) for key, value in facts.items() if key not in counters | estimates}
        return [quiet(each) for each in facts] if isinstance(facts, list) else facts

    return quiet(stand.desk.dump())


def feed(stand: Stand, source: socket.socket, datagrams: list[bytes]) -> None:
    number = stand.port.number
    for datagram in datagrams:
        source.sendto(datagram, ("127.0.0.1", number))
    stand.port._readable()  # pyright: ignore[reportPrivateUsage]


def mutated(wholes: list[bytes]) -> st.SearchStrategy[bytes]:
    """A valid datagram with a few bytes changed, cut, or grown."""

    def change(whole: bytes, edits: list[tuple[int, int]], cut: int, tail: bytes) -> bytes:
        changed = bytearray(whole)
        for place, flip in edits:
            changed[place % len(changed)] ^= flip
        return bytes(changed[: len(changed) - cut % len(changed)]) + tail

    edits = st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), min_size=1, max_size=4)
    return st.builds(
        change, st.sampled_from(wholes), edits, st.sampled_from([0, 0, 0, 1, 7, 40]), st.binary(max_size=3)
    )


async def test_ten_thousand_broken_datagrams_raise_nothing_and_change_nothing() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA, MICROPHONE) as an, browser(stand, "binh") as binh:
        assert an.send is not None
        stand.route("an")
        for sequence in range(20):
            an.send.send(audio(sequence))
        await until(lambda: len(binh.got("stage-audio")) == 20)
        forged = an.send.check_datagram(password="not the password at all")
        wholes = [*an.send.sent, forged, b"\x16\xfe\xfd" + bytes(60), b"\x15\xfe\xfd" + bytes(20)]
        garbage = st.one_of(st.binary(max_size=60), st.binary(min_size=20, max_size=1600), mutated(wholes))
        strangers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        before, received = state(stand), stand.port.counters.received
        loop_errors: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: loop_errors.append(context))

        @settings(max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(garbage, min_size=50, max_size=50))
        def bombard(datagrams: list[bytes]) -> None:
            assert an.send is not None
            feed(stand, strangers, datagrams)
            feed(stand, an.send.socket, datagrams)
            for transport in (an.send, an.receive, binh.receive):
                transport.check()

        bombard()
        await asyncio.sleep(0.2)
        strangers.close()
        assert stand.port.counters.received - received >= 10_000
        assert state(stand) == before
        assert loop_errors == []
        assert stand.healths("an")[-1][1] == "connected"
        an.send.send(audio(20))
        await until(lambda: len(binh.got("stage-audio")) == 21, "media goes on")


async def test_an_address_counts_only_after_the_password_was_proved() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA, connect=False) as an:
        assert an.send is not None
        an.send.socket.send(an.send.check_datagram(password="guessed"))
        an.send.socket.send(b"\x16\xfe\xfd" + bytes(60))
        an.send.socket.send(rtp(1))
        await until(lambda: stand.port.counters.received == 3)
        counters = stand.port.counters
        assert (counters.checks, counters.checks_refused, counters.from_strangers) == (0, 1, 2)
        assert an.send.answers == 0
        an.send.check()
        await until(lambda: an.send is not None and an.send.answers == 1)


async def test_a_nominated_address_takes_over_when_the_browser_moves() -> None:
    async with standing() as stand, browser(stand, "an", MICROPHONE) as an, browser(stand, "binh") as binh:
        assert an.send is not None
        stand.route("an")
        an.send.send(audio(1))
        await until(lambda: binh.got("stage-audio"))
        receive = binh.receive
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as moved:
            moved.setblocking(False)
            moved.connect(("127.0.0.1", stand.port.number))
            moved.send(receive.check_datagram(nominate=False))
            await until(lambda: stand.port.counters.checks >= 4)
            an.send.send(audio(2))
            await until(lambda: len(binh.got("stage-audio")) == 2, "the old address still serves")
            moved.send(receive.check_datagram())
            await until(lambda: stand.port.counters.checks >= 5)
            an.send.send(audio(3))
            got: list[bytes] = []

            def arrived() -> bool:
                try:
                    got.append(moved.recv(2048))
                except BlockingIOError:
                    return False
                return 128 <= got[-1][0] <= 191 and not 192 <= got[-1][1] <= 223

            await until(arrived, "media at the new address")


async def test_what_a_receiving_transport_sends_is_not_even_opened() -> None:
    async with standing() as stand, browser(stand, "an", MICROPHONE) as an:
        before = state(stand)
        for sequence in range(10):
            an.receive.send(audio(sequence))
        received = stand.port.counters.received
        await until(lambda: stand.port.counters.received >= received)
        assert state(stand) == before


async def test_two_hundred_packets_in_one_burst_all_arrive() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA) as an, browser(stand, "binh") as binh:
        assert an.send is not None
        stand.route("an")
        burst = [
            rtp(n, 90 * (n // 4), vp8(n // 4, key=n < 4, begins=n % 4 == 0, body=bytes(1100)), ssrc=VIDEO_SSRC)
            for n in range(200)
        ]
        for packet in burst:
            an.send.send(packet)
        await until(lambda: len(binh.got("stage-video")) == 200)
