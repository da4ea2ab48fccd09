"""Media over TCP: framing however it is split, strangers shown out, a slow office that delays nobody else."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from relay_packets import CC_ID, LEVEL_ID, element, rtp, vp8
from relay_stand import (
    AUDIO_SSRC,
    CAMERA,
    MICROPHONE,
    VIDEO_SSRC,
    RawTransport,
    browser,
    standing,
    until,
)

from media import tcp
from media.ortc import OPUS
from media.port import Port, PortUnavailable


class Framed:
    """A TCP connection that carries datagrams by RFC 4571. ``reading`` false: what comes is left in the kernel."""

    def __init__(self, port: int) -> None:
        self.reading = True
        self.ended = False
        self._held = b""
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, datagram: bytes) -> None:
        self._socket.sendall(struct.pack("!H", len(datagram)) + datagram)

    def send_raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def recv(self, _size: int) -> bytes:
        """One whole datagram. Raises ``BlockingIOError`` while there is none."""
        while self.reading:
            if len(self._held) >= 2:
                size = 2 + int.from_bytes(self._held[:2], "big")
                if len(self._held) >= size:
                    datagram, self._held = self._held[2:size], self._held[size:]
                    return datagram
            self._socket.setblocking(False)
            try:
                came = self._socket.recv(65536)
            finally:
                self._socket.setblocking(True)
            if not came:
                self.ended = True
                raise ConnectionError
            self._held += came
        raise BlockingIOError

    def closed(self) -> bool:
        """Whether the relay has closed it."""
        try:
            self.recv(0)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return False

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


class OverTcp(RawTransport):
    def open(self, candidates: list[dict[str, Any]]) -> Framed:
        passive = next(candidate for candidate in candidates if candidate["protocol"] == "tcp")
        assert passive["tcpType"] == "passive"
        return Framed(passive["port"])


def audio(sequence: int) -> bytes:
    elements = element(LEVEL_ID, bytes([30])) + element(CC_ID, sequence.to_bytes(2, "big"))
    return rtp(sequence, sequence * 960, b"opus", ssrc=AUDIO_SSRC, payload_type=111, elements=elements)


def video(number: int) -> bytes:
    payload = vp8(number // 4, key=number < 4, begins=number % 4 == 0, body=bytes(1100))
    return rtp(number, 3600 * (number // 4), payload, ssrc=VIDEO_SSRC)


# -- Framing


@given(st.lists(st.binary(max_size=300), max_size=20), st.lists(st.integers(1, 400), min_size=1))
def test_datagrams_come_out_whole_however_the_stream_was_split(datagrams: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(struct.pack("!H", len(datagram)) + datagram for datagram in datagrams)
    frames, got, at, turn = tcp.Frames(), list[bytes](), 0, 0
    while at < len(stream):
        cut = cuts[turn % len(cuts)]
        assert frames.feed(memoryview(stream[at : at + cut]), lambda datagram: got.append(bytes(datagram)) or True)
        at, turn = at + cut, turn + 1
    assert got == [datagram for datagram in datagrams if datagram]


@pytest.mark.parametrize("greeting", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00\x01", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_the_greeting_of_another_protocol_is_no_frame(greeting: bytes) -> None:
    assert not tcp.Frames().feed(memoryview(greeting), lambda _: True)


# -- Media


async def test_sound_and_pictures_pass_over_tcp_in_both_directions() -> None:
    async with (
        standing() as stand,
        browser(stand, "an", CAMERA, MICROPHONE, transport=OverTcp) as an,
        browser(stand, "binh", transport=OverTcp) as binh,
        browser(stand, "chi") as chi,
    ):
        assert an.send is not None
        stand.route("an")
        for number in range(40):
            an.send.send(video(number))
            an.send.send(audio(number))
        for each in (binh, chi):
            await until(lambda each=each: len(each.got("stage-video")) == 40, "every picture")
            await until(lambda each=each: len(each.got("stage-audio")) == 40, "every sound")
        facts = stand.desk.dump()
        assert facts["port"]["tcp_paths"] == 3
        assert facts["routers"]["m"]["endpoints"]["binh"]["downlink"]["transport"]["address"].startswith(
            "tcp:127.0.0.1:"
        )


async def test_a_frame_that_arrives_byte_by_byte_counts() -> None:
    async with standing() as stand, browser(stand, "an", connect=False, transport=OverTcp) as an:
        check = an.receive.check_datagram()
        for byte in struct.pack("!H", len(check)) + check:
            an.receive.socket.send_raw(bytes([byte]))
            await asyncio.sleep(0)
        await until(lambda: an.receive.answers == 1)


async def test_a_path_that_breaks_gives_way_to_the_next_proved_one() -> None:
    async with (
        standing() as stand,
        browser(stand, "an", MICROPHONE) as an,
        browser(stand, "binh", transport=OverTcp) as binh,
    ):
        assert an.send is not None
        stand.route("an")
        an.send.send(audio(1))
        await until(lambda: binh.got("stage-audio"))
        asyncio.get_running_loop().remove_reader(binh.receive.socket.fileno())
        binh.receive.socket.close()
        await until(lambda: stand.port.facts()["tcp_paths"] == 0)
        binh.receive.socket = RawTransport.open(binh.receive, binh.receive.offer["iceCandidates"])
        asyncio.get_running_loop().add_reader(binh.receive.socket.fileno(), binh.receive._readable)  # pyright: ignore[reportPrivateUsage]
        binh.receive.check()
        await until(lambda: binh.receive.answers == 2)
        an.send.send(audio(2))
        await until(lambda: len(binh.got("stage-audio")) == 2, "sound by the other path")


async def test_who_leaves_is_parted_from_its_connections() -> None:
    async with standing() as stand, browser(stand, "an", transport=OverTcp) as an:
        await until(lambda: stand.port.facts()["tcp_paths"] == 1)
        stand.desk.close()
        await until(lambda: stand.port.facts()["tcp_paths"] == 0)
        await until(lambda: an.receive.socket.closed() or an.receive.socket.ended)


async def test_a_slow_office_loses_pictures_before_sound_and_delays_nobody() -> None:
    async with (
        standing() as stand,
        browser(stand, "an", CAMERA, MICROPHONE) as an,
        browser(stand, "slow", transport=OverTcp) as slow,
        browser(stand, "quick") as quick,
    ):
        assert an.send is not None
        stand.route("an")
        slow.receive.socket._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.receive.socket.reading = False
        asyncio.get_running_loop().remove_reader(slow.receive.socket.fileno())
        frames, sounds, unsent = 2000, 20, stand.port.wire.sent.unsent
        for number in range(frames):
            an.send.send(video(number))
            if number % 100 == 99:
                await until(lambda number=number: len(quick.got("stage-video")) == number + 1, "the quick one has all")
        assert stand.port.wire.sent.unsent > unsent + 100, "pictures were dropped"
        for number in range(sounds):
            an.send.send(audio(number))
        await until(lambda: len(quick.got("stage-audio")) == sounds)
        slow.receive.socket.reading = True
        asyncio.get_running_loop().add_reader(slow.receive.socket.fileno(), slow.receive._readable)  # pyright: ignore[reportPrivateUsage]
        await until(lambda: len(slow.got("stage-audio")) == sounds, "no sound was dropped, no frame was torn")
        assert len(slow.got("stage-video")) < frames - 100


def test_a_full_queue_drops_pictures_first_and_holds_bounds() -> None:
    """By the sizes alone: nobody reads, and no time passes to speak of."""

    async def story() -> tuple[int, int, int]:
        listening = socket.create_server(("127.0.0.1", 0))
        reader = socket.create_connection(listening.getsockname())
        connected, address = listening.accept()
        connected.setblocking(False)
        listener = tcp.Listener(listening, tcp.Buffer(), lambda *_: True, lambda _: None)
        connection = tcp.Connection(connected, address, listener)
        picture = bytes([0x80, 101]) + bytes(1198)
        sound = bytes([0x80, OPUS]) + bytes(98)
        pictures = sum(connection.send(picture) for _ in range(20_000))
        queued = connection._queued  # pyright: ignore[reportPrivateUsage]
        sounds = sum(connection.send(sound) for _ in range(100))
        connection.close()
        reader.close()
        listening.close()
        return pictures, queued, sounds

    pictures, queued, sounds = asyncio.run(story())
    assert pictures < 20_000
    assert queued <= tcp.CROWDED + 1202
    assert sounds == 100


# -- Strangers


async def test_garbage_and_unproved_words_close_the_connection() -> None:
    async with standing() as stand, browser(stand, "an", connect=False) as an:
        forged = an.receive.check_datagram(password="guessed")
        for words in (
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            struct.pack("!H", 60) + b"\x16\xfe\xfd" + bytes(57),
            struct.pack("!H", 40) + rtp(1)[:40].ljust(40, b"\0"),
            struct.pack("!H", len(forged)) + forged,
            struct.pack("!H", 3) + b"\xff\xff\xff",
        ):
            stranger = Framed(stand.port.number)
            stranger.send_raw(words)
            await until(stranger.closed, f"{words[:8]!r} is shown out")
            stranger.close()
        assert stand.port.facts()["tcp_refused"] == 5
        assert stand.port.facts()["tcp_paths"] == 0


async def test_who_says_nothing_is_shown_out_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "PROOF", 0.3)
    async with standing() as stand, browser(stand, "an", transport=OverTcp) as an:
        silent = Framed(stand.port.number)
        await until(silent.closed)
        silent.close()
        an.receive.check()
        await until(lambda: an.receive.answers == 2, "who has proved itself stays")


async def test_strangers_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "UNPROVED", 3)
    async with standing() as stand, browser(stand, "an", transport=OverTcp) as an:
        strangers = [Framed(stand.port.number) for _ in range(8)]
        await until(lambda: sum(stranger.closed() for stranger in strangers) == 5)
        assert [stranger.closed() for stranger in strangers[-3:]] == [False] * 3
        an.receive.check()
        await until(lambda: an.receive.answers == 2)
        for stranger in strangers:
            stranger.close()


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_no_bytes_make_the_reader_raise(chunks: list[bytes]) -> None:
    frames = tcp.Frames()
    for chunk in chunks:
        if not frames.feed(memoryview(chunk), lambda datagram: 0 < len(datagram) <= tcp.LARGEST):
            return


async def test_a_flood_of_broken_frames_raises_nothing() -> None:
    loop_errors: list[Any] = []
    async with standing() as stand, browser(stand, "an", transport=OverTcp) as an:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: loop_errors.append(context))
        for size in range(1, 60):
            flood = Framed(stand.port.number)
            flood.send_raw(bytes(range(size)) * 20)
            flood.close()
        await until(lambda: stand.port.facts()["tcp_refused"] == 59)
        an.receive.check()
        await until(lambda: an.receive.answers == 2)
    assert loop_errors == []


def test_a_number_that_is_taken_on_tcp_alone_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(PortUnavailable, match=f"TCP port {number} of 127.0.0.1 cannot be used: .+"):
            Port("127.0.0.1", number)
