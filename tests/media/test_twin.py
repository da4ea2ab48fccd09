"""The second socket of the media port: what it is given, and that nobody else comes to sit on the number."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relay_packets import rtp, vp8
from relay_stand import CAMERA, VIDEO_SSRC, browser, standing, until

from media.port import Port, PortUnavailable, bound
from media.twin import twin

FEEDBACK = [b"\x8f\xcd" + bytes(20), b"\xaf\xcd" + bytes(20)]
"""With and without padding."""
ROOT = Path(__file__).parent.parent.parent


def received(each: socket.socket) -> list[bytes]:
    found: list[bytes] = []
    while True:
        try:
            found.append(each.recv(2048))
        except BlockingIOError:
            return found


@pytest.fixture(params=["127.0.0.1", "::1", "0.0.0.0"])
def pair(request: pytest.FixtureRequest) -> tuple[socket.socket, socket.socket]:
    first = bound(socket.SOCK_DGRAM, request.param, 0)
    second = twin(first)
    assert second is not None
    return first, second


def test_feedback_lies_in_the_second_socket_and_all_else_in_the_first(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    first, second = pair
    number, family = first.getsockname()[1], first.family
    others = [
        b"",
        b"\x8f",
        b"\x90\x60" + bytes(50),
        b"\x81\xcd" + bytes(16),
        b"\x8f\xce" + bytes(16),
        b"\x4f\xcd",
        b"\0\1",
    ]
    with first, second, socket.socket(family, socket.SOCK_DGRAM) as sender:
        for datagram in [*others, *FEEDBACK]:
            sender.sendto(datagram, ("::1" if family == socket.AF_INET6 else "127.0.0.1", number))
        assert received(second) == FEEDBACK
        assert received(first) == others


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=40))
def test_each_datagram_lies_in_one_of_them(datagram: bytes) -> None:
    told = len(datagram) > 1 and datagram[0] & 0xDF == 0x8F and datagram[1] == 205
    first = bound(socket.SOCK_DGRAM, "127.0.0.1", 0)
    second = twin(first)
    assert second is not None
    with first, second, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(datagram, first.getsockname())
        assert (received(first), received(second)) == (([], [datagram]) if told else ([datagram], []))


def test_no_other_port_may_have_the_number() -> None:
    port = Port("127.0.0.1", 0)
    with pytest.raises(PortUnavailable):
        Port("127.0.0.1", port.number)
    code = f"from media.port import Port\nPort('127.0.0.1', {port.number})"
    other = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    port.close()
    assert "cannot be used" in other.stderr


async def test_feedback_is_read_by_the_next_tick_though_no_media_come() -> None:
    async with standing() as stand, browser(stand, "an", CAMERA) as an, browser(stand, "binh") as binh:
        stand.route("an")
        assert an.send is not None
        for number in range(1, 4):
            an.send.send(rtp(number, number * 3600, vp8(number, key=number == 1), ssrc=VIDEO_SSRC, marker=True))
        await until(lambda: len(binh.got("stage-video")) == 3, "the picture")
        lane = stand.desk.routers["m"].endpoints["binh"].downlink.transport.lane
        told = struct.pack("!BBHIIHHIHBB", 0x8F, 205, 5, 1, 0, 0, 2, 0x100, 0x2002, 4, 4)
        binh.receive.send_rtcp(told)
        await until(lambda: stand.port.sendlog.deliveries[lane].edge == 2, "what was told")
