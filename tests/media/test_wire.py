"""The wire: packets of one receiver as one message that the kernel cuts, over real sockets and opened by real SRTP."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from aiortc.rtcdtlstransport import SRTP_AES128_CM_SHA1_80
from hypothesis import given, settings
from hypothesis import strategies as st
from relay_ears import OLDER, Ear, picture, stage
from relay_packets import rtp, see, vp8
from relay_stand import CAMERA, VIDEO_SSRC, RawBrowser, RawTransport, browser, standing, until
from relay_wire import PlainWire
from test_slot import Receiver
from test_tcp import OverTcp

from media.lot import HEAD
from media.matrix import ROWS
from media.ortc import TRANSPORT_CC_ID
from media.syscalls import SEGMENTS
from media.wire import MOST, SLACK, runs

SIZES = st.lists(st.integers(0, 1_450), min_size=1, max_size=100)
UNEVEN = (1_100, 1_090, 1_105, 400)
SO_NO_CHECK = 11
"""socket(7), asm-generic/socket.h: datagrams without checksums, which the kernel does not segment (EINVAL)."""


@given(SIZES | st.lists(st.integers(1_000, 1_040), min_size=1, max_size=200))
def test_groups_cover_all_packets_in_their_order_and_pad_but_a_little(sizes: list[int]) -> None:
    groups = runs(sizes)
    assert [first for first, _, _ in groups] == [0, *(first + length for first, length, _ in groups)][:-1]
    assert sum(length for _, length, _ in groups) == len(sizes)
    for first, length, size in groups:
        *padded, last = sizes[first : first + length]
        assert 1 <= length <= SEGMENTS
        assert last <= size
        assert all(0 <= size - each <= min(size // SLACK, 255) for each in padded)
        assert size in sizes[first : first + length]


@given(st.integers(0, 1_450), st.integers(1, 3 * SEGMENTS))
def test_what_is_equally_long_is_parted_only_where_the_kernel_takes_no_more(size: int, count: int) -> None:
    assert len(runs([size] * count)) == -(-count // SEGMENTS)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 1_400), min_size=1, max_size=2 * MOST + 5))
def test_padding_is_zeros_and_its_count_and_never_another_packets_bytes(sizes: list[int]) -> None:
    """The matrix is full of other packets' bytes: none may leak."""
    wire, receiver, datagrams = PlainWire(), Receiver(), list[bytes]()
    wire.matrix.bytes[:] = 0xA5
    receiver.send_sealed = lambda datagram: datagrams.append(bytes(datagram))
    with stage(wire=wire) as an:
        receiver.slot.show(an.producer)
        an.frame([picture(8, key=True)])
        datagrams.clear()
        payloads = [picture(size) for size in sizes]
        an.frame(payloads)
    assert [see(datagram).payload for datagram in datagrams] == payloads
    for datagram, payload in zip(datagrams, payloads, strict=True):
        padding = datagram[HEAD + len(payload) :]
        assert bool(datagram[0] & 0x20) == bool(padding)
        assert padding == (bytes(len(padding) - 1) + bytes([len(padding)]) if padding else b"")
        assert len(padding) <= max(sizes) // SLACK


def assert_all_heard(ears: Sequence[Ear], payloads: Sequence[bytes]) -> None:
    for ear in ears:
        seen = ear.seen()
        assert [each.payload for each in seen] == list(payloads)
        assert all((later.sequence - earlier.sequence) & 0xFFFF == 1 for earlier, later in pairwise(seen))
        numbers = [int.from_bytes(each.elements[TRANSPORT_CC_ID], "big") for each in seen]
        assert all(later - earlier == 1 for earlier, later in pairwise(numbers))


def test_a_frame_of_four_uneven_packets_is_one_message_and_four_datagrams_for_each_of_fifty() -> None:
    with stage() as an:
        ears = an.seat(50)
        an.begin()
        before = an.wire.sent.messages
        payloads = [picture(size) for size in UNEVEN]
        an.frame(payloads)
        assert_all_heard(ears, payloads)
        assert an.wire.sent.messages - before == 50
        assert (an.wire.segments, an.wire.sent.unsent, an.wire.sent.unsealed) == (True, 0, 0)


def test_more_packets_than_a_batch_and_more_receivers_than_rows_all_arrive() -> None:
    with stage() as an:
        ears = an.seat(ROWS // MOST + 3)
        an.begin()
        payloads = [picture(900 + secrets.randbelow(200)) for _ in range(2 * MOST + 1)]
        an.frame(payloads)
        assert_all_heard(ears, payloads)


def test_where_the_kernel_does_not_segment_nothing_is_lost_and_it_is_not_asked_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with stage() as an:
        ears = an.seat(50)
        an.begin()
        an.socket.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        for _ in range(3):
            payloads = [picture(size) for size in (*UNEVEN, 1_000)]
            an.frame(payloads)
            assert_all_heard(ears, payloads)
        assert (an.wire.segments, an.wire.sent.unsent) == (False, 0)
        assert [record.getMessage() for record in caplog.records] == [
            "the kernel refuses to segment (EINVAL); every packet leaves by itself"
        ]


def test_one_transport_with_one_picture_in_two_slots_numbers_each_packet_once() -> None:
    with stage() as an:
        ears = an.seat(3)
        tiles = [ear.another("s4") for ear in ears[:2]]
        for tile in tiles:
            tile.show(an.producer)
        an.begin()
        payloads = [picture(size) for size in UNEVEN]
        an.frame(payloads)
        for ear, tile in zip(ears, tiles, strict=False):
            seen = ear.seen()
            numbers = [int.from_bytes(each.elements[TRANSPORT_CC_ID], "big") for each in seen]
            assert sorted(numbers) == list(range(min(numbers), min(numbers) + 8))
            for slot in (ear.slot, tile):
                assert [each.payload for each in seen if each.ssrc == slot.receiving.ssrc] == payloads
        assert_all_heard(ears[2:], payloads)
        for tile in tiles:
            tile.want(None)


def test_receivers_with_different_seals_share_a_fan_out() -> None:
    with stage() as an:
        ears = [*an.seat(3), *an.seat(3, profile=OLDER), *an.seat(3)]
        an.begin()
        payloads = [picture(size) for size in UNEVEN]
        an.frame(payloads)
        assert_all_heard(ears, payloads)


def test_a_receiver_whose_packets_cannot_be_sealed_spoils_nothing_for_the_others() -> None:
    """libsrtp ends a stream whose keys are used up."""
    with stage() as an:
        ears = an.seat(5)
        an.begin()
        ears[2].spoil()
        payloads = [picture(size) for size in UNEVEN]
        an.frame(payloads)
        assert ears[2].heard() == []
        assert_all_heard([*ears[:2], *ears[3:]], payloads)
        assert an.wire.sent.unsealed == len(payloads)


# -- Through the whole relay


class OlderTransport(RawTransport):
    """A browser that knows AES_CM_128_HMAC_SHA1_80 only."""

    def __init__(self, offer: dict[str, Any], dtls_role: str = "client") -> None:
        super().__init__(offer, dtls_role)
        self.dtls._srtp_profiles = [SRTP_AES128_CM_SHA1_80]  # pyright: ignore[reportPrivateUsage]


def burst(site: RawBrowser, frame: int, *, key: bool = False) -> list[bytes]:
    """Sends a frame of four packets at once. Returns what lies behind their picture numbers."""
    assert site.send is not None
    bodies: list[bytes] = []
    for place, size in enumerate(UNEVEN):
        payload = vp8(frame, frame, key=key, begins=place == 0, body=secrets.token_bytes(size))
        marker = place == len(UNEVEN) - 1
        site.send.send(rtp(4 * frame + place, frame * 3600, payload, ssrc=VIDEO_SSRC, marker=marker))
        bodies.append(payload[5:])
    return bodies


async def test_udp_and_tcp_and_both_seals_share_a_fan_out() -> None:
    async with (
        standing() as stand,
        browser(stand, "an", CAMERA) as an,
        browser(stand, "binh") as binh,
        browser(stand, "chi", transport=OverTcp) as chi,
        browser(stand, "dung", transport=OlderTransport) as dung,
        browser(stand, "em") as em,
    ):
        stand.route("an")
        sent = burst(an, 1, key=True)
        everybody = (binh, chi, dung, em)
        await until(lambda: all(len(each.got("stage-video")) == 4 for each in everybody))
        sent += burst(an, 2) + burst(an, 3)
        await until(lambda: all(len(each.got("stage-video")) == 12 for each in everybody))
        for each in everybody:
            media = each.got("stage-video")
            assert [seen.payload[5:] for seen in media] == sent
            assert all((later.sequence - earlier.sequence) & 0xFFFF == 1 for earlier, later in pairwise(media))
        facts = stand.port.facts()
        assert (facts["unsealed"], facts["unsent"], facts["segments"]) == (0, 0, 1)
