"""Where browsers find the relay, on which addresses, and how they find it again after a change of network."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from aioice import stun as aioice
from relay_packets import CC_ID, LEVEL_ID, element, rtp
from relay_stand import AUDIO_SSRC, MICROPHONE, RawTransport, Stand, browser, standing, until

from media import transport as transport_module
from media.candidates import candidates
from media.port import Port
from media.relay import addresses, names


def audio(sequence: int) -> bytes:
    elements = element(LEVEL_ID, bytes([30])) + element(CC_ID, sequence.to_bytes(2, "big"))
    return rtp(sequence, sequence * 960, b"opus", ssrc=AUDIO_SSRC, payload_type=111, elements=elements)


# -- Candidates


def test_udp_comes_before_tcp_and_addresses_keep_their_order() -> None:
    made = candidates(["192.0.2.1", "2001:db8::1"], 9080)
    seen = [(each["protocol"], each["address"], each.get("tcpType")) for each in made]
    assert seen == [
        ("udp", "192.0.2.1", None),
        ("udp", "2001:db8::1", None),
        ("tcp", "192.0.2.1", "passive"),
        ("tcp", "2001:db8::1", "passive"),
    ]
    priorities = [each["priority"] for each in made]
    assert priorities == sorted(priorities, reverse=True)
    assert all(0 < priority < 1 << 31 for priority in priorities)
    assert len({each["foundation"] for each in made}) == 4
    assert {each["port"] for each in made} == {9080}


async def test_announced_addresses_are_a_list_of_names_or_numbers() -> None:
    assert names(" 192.0.2.1, 2001:db8::1 ,") == ["192.0.2.1", "2001:db8::1"]
    assert names(None) == []
    assert await addresses("2001:db8::1") == ["2001:db8::1"]
    assert (await addresses("localhost"))[0] == "127.0.0.1"


# -- IPv4 and IPv6


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
@pytest.mark.parametrize(("family", "near"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
async def test_one_port_serves_ipv4_and_ipv6_and_tells_each_its_own_address(
    host: str, kind: socket.SocketKind, family: socket.AddressFamily, near: str
) -> None:
    async with standing(Port(host, 0, ["127.0.0.1", "::1"])) as stand, browser(stand, "an", connect=False) as an:
        with socket.socket(family, kind) as visitor:
            visitor.connect((near, stand.port.number))
            visitor.setblocking(False)
            check = an.receive.check_datagram()
            tcp = kind == socket.SOCK_STREAM
            visitor.send(len(check).to_bytes(2, "big") + check if tcp else check)
            answers: list[bytes] = []

            def answered() -> bool:
                try:
                    answers.append(visitor.recv(2048))
                except BlockingIOError:
                    return False
                return True

            await until(answered, "the answer")
            told = aioice.parse_message(answers[0][2:] if tcp else answers[0]).attributes["XOR-MAPPED-ADDRESS"]
            assert told == visitor.getsockname()[:2]
            facts = stand.desk.dump()["routers"]["m"]["endpoints"]["an"]["downlink"]["transport"]
            written = f"[::1]:{told[1]}" if near == "::1" else f"127.0.0.1:{told[1]}"
            assert facts["address"] == ("tcp:" if tcp else "") + written


async def test_media_flows_over_ipv6() -> None:
    class OverIpv6(RawTransport):
        def open(self, candidates: list[dict[str, Any]]) -> socket.socket:
            made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            made.setblocking(False)
            made.connect((candidates[0]["address"], candidates[0]["port"]))
            return made

    async with (
        standing(Port("::1", 0)) as stand,
        browser(stand, "an", MICROPHONE, transport=OverIpv6) as an,
        browser(stand, "binh", transport=OverIpv6) as binh,
    ):
        assert an.send is not None
        stand.route("an")
        for sequence in range(10):
            an.send.send(audio(sequence))
        await until(lambda: len(binh.got("stage-audio")) == 10)


def test_where_there_is_no_ipv6_every_address_means_every_ipv4_address(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = socket.socket

    def without_ipv6(family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return opened(family, kind)

    monkeypatch.setattr(socket, "socket", without_ipv6)
    port = Port("0.0.0.0", 0, ["127.0.0.1"])
    visitor = opened(socket.AF_INET, socket.SOCK_STREAM)
    visitor.connect(("127.0.0.1", port.number))
    visitor.close()
    port.close()


# -- ICE restart


def restart(stand: Stand, transport: str = "downlink") -> dict[str, Any]:
    return getattr(stand.desk.routers["m"].endpoints["binh"], transport).transport.restart_ice()


async def test_after_an_ice_restart_media_goes_on_and_moves_with_the_new_nomination() -> None:
    async with standing() as stand, browser(stand, "an", MICROPHONE) as an, browser(stand, "binh") as binh:
        assert an.send is not None
        stand.route("an")
        old = dict(binh.receive.offer["iceParameters"])
        new = restart(stand)
        assert new["iceLite"]
        assert new["usernameFragment"] != old["usernameFragment"]
        assert new["password"] != old["password"]
        assert restart(stand) == new, "asked twice it answers the same"

        answers = binh.receive.answers
        binh.receive.check()
        await until(lambda: binh.receive.answers == answers + 1, "the old parameters still hold")
        an.send.send(audio(1))
        await until(lambda: len(binh.got("stage-audio")) == 1)

        moved = RawTransport.open(binh.receive, binh.receive.offer["iceCandidates"])
        binh.receive.offer["iceParameters"] = new
        moved.send(binh.receive.check_datagram(nominate=False))
        binh.receive.offer["iceParameters"] = old
        binh.receive.check()
        await until(lambda: binh.receive.answers == answers + 2, "until the new ones are nominated")
        an.send.send(audio(2))
        await until(lambda: len(binh.got("stage-audio")) == 2, "media on the old path")

        binh.receive.offer["iceParameters"] = new
        refused = stand.port.counters.checks_refused
        moved.send(binh.receive.check_datagram())
        await until(lambda: stand.port.counters.checks >= 6)
        before, binh.receive.socket = binh.receive.socket, moved
        asyncio.get_running_loop().add_reader(moved.fileno(), binh.receive._readable)  # pyright: ignore[reportPrivateUsage]
        an.send.send(audio(3))
        await until(lambda: len(binh.got("stage-audio")) == 3, "media on the new path, with the keys of before")
        binh.receive.offer["iceParameters"] = old
        before.send(binh.receive.check_datagram())
        await until(lambda: stand.port.counters.checks_refused == refused + 1, "the old parameters are gone")
        binh.receive.offer["iceParameters"] = new
        asyncio.get_running_loop().remove_reader(before.fileno())
        before.close()
        assert stand.healths("binh") == [("receive", "connected")]
        assert restart(stand) != new, "another restart is another"


async def test_nothing_is_sent_for_ever_to_who_has_fallen_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "SILENCE", 300_000)
    monkeypatch.setattr(transport_module, "CONSENT", 900_000)
    async with standing() as stand, browser(stand, "an") as an:
        await until(lambda: stand.healths("an")[-1] == ("receive", "silent"))

        def address() -> str | None:
            return stand.desk.dump()["routers"]["m"]["endpoints"]["an"]["downlink"]["transport"]["address"]

        await until(lambda: address() is None, "its consent has run out")
        an.receive.check()
        await until(address, "a check gives consent again")
        await until(lambda: stand.healths("an")[-1] == ("receive", "connected"))
