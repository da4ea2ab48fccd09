"""Sockets, checks and handshakes of the load client, against the relay's own ends of them."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import numpy as np
import pytest

from bench.load import ice
from bench.load.keys import Handshake, WrongCertificate, context, ffi
from bench.load.line import Ear
from bench.load.wire import ROWS, Burst, Intake, Integers
from bench.machine import cpu_seconds, socket_drops
from media import stun
from media.dtls import Certificate, Dtls, Keys
from media.srtp import Buffer

PATIENCE = 20.0


def test_every_datagram_of_many_sockets_is_taken_once_with_its_owner_and_time() -> None:
    taken = list[tuple[int, bytes, int]]()

    def take(rows: int, owners: Integers) -> None:
        lengths, arrivals = intake.lengths(rows), intake.arrivals(rows)
        for row in range(rows):
            data = intake.matrix.bytes[row, : lengths[row]].tobytes()
            taken.append((int(owners[row]), data, int(arrivals[row])))

    sender = Ear(("127.0.0.1", 9))
    here = sender.socket.getsockname()
    ears = [Ear(here) for _ in range(50)]
    intake = Intake(take)
    burst = Burst(len(ears), [ear.socket.getsockname() for ear in ears])
    try:
        before = time.time_ns() // 1000
        rounds = ROWS // len(ears) + 3
        for turn in range(rounds):
            burst.matrix.bytes[:, 0] = turn
            burst.matrix.sizes[:] = 1 + turn
            assert burst.send(sender.descriptor, len(ears)) == len(ears)
        after = time.time_ns() // 1000
        intake.sweep([(7 + place, ear.descriptor) for place, ear in enumerate(ears)])
        dropped = socket_drops(ear.socket for ear in ears)
    finally:
        for ear in (sender, *ears):
            ear.close()
    assert dropped == 0
    assert len(taken) == rounds * len(ears)
    for place in range(len(ears)):
        mine = [(data, at) for owner, data, at in taken if owner == 7 + place]
        assert [data for data, _ in mine] == [bytes([turn]) + bytes(turn) for turn in range(rounds)]
        assert all(before <= at <= after + 1 for _, at in mine)


def test_a_check_proves_the_password_and_its_answer_is_known() -> None:
    checks = ice.Checks("relay", "the password of the relay")
    check = stun.read_check(checks.request())
    assert check is not None
    assert (check.ufrag, check.nominates) == ("relay", True)
    assert check.proves(b"the password of the relay")
    answered = stun.answer(check, ("127.0.0.1", 4000), b"the password of the relay")
    assert checks.answered(answered)
    checks.request()
    assert not checks.answered(answered)


def test_the_peers_own_check_is_answered() -> None:
    check = ice.Checks(ice.UFRAG, ice.PASSWORD).request()
    response = ice.answer(check, ("192.0.2.7", 4000))
    theirs = stun.read_check(check)
    assert theirs is not None
    assert response == stun.answer(theirs, ("192.0.2.7", 4000), ice.PASSWORD.encode())
    assert ice.answer(b"\x01\x01" + check[2:], ("192.0.2.7", 4000)) is None


async def shake_hands(prints: list[tuple[str, str]] | None = None) -> tuple[Handshake, Any]:
    """The load client and the relay's DTLS agree, over no network at all."""
    certificate = Certificate.generateCertificate()
    to_client = list[bytes]()
    agreed: asyncio.Future[Keys] = asyncio.get_running_loop().create_future()
    dtls = Dtls(
        certificate,
        to_client.append,
        on_keys=agreed.set_result,
        on_failed=lambda reason: agreed.set_exception(ConnectionError(reason)),
        on_closed=lambda: None,
    )
    told = [(f["algorithm"], f["value"]) for f in certificate.fingerprints()]
    client = Handshake(prints or told, dtls.feed)
    dtls.shake_hands("server", [("sha-256", context()[1])])
    client.start()
    for _ in range(int(PATIENCE / 0.01)):
        while to_client:
            client.feed(to_client.pop(0))
        if client.keys is not None and agreed.done():
            break
        await asyncio.sleep(0.01)
    return client, await agreed


async def test_both_ends_of_a_handshake_seal_and_open_each_others_packets() -> None:
    client, (inward, outward) = await shake_hands()
    assert client.keys is not None
    packet = bytes([0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]) + b"payload"
    buffer, row = Buffer(), np.zeros(200, np.uint8)
    pointer: Any = ffi.cast("char *", row.ctypes.data)
    row[: len(packet)] = np.frombuffer(packet, np.uint8)
    size = client.keys[1].seal(pointer, len(packet))
    assert size == len(packet) + 16
    buffer.view[:size] = row[:size].tobytes()
    assert buffer.view[: inward.open(buffer, size)] == packet
    buffer.view[: len(packet)] = packet
    size = outward.seal(buffer, len(packet))
    row[:size] = np.frombuffer(bytes(buffer.view[:size]), np.uint8)
    assert row[: client.keys[0].open(pointer, size)].tobytes() == packet
    assert client.keys[0].open(pointer, size) == 0


async def test_who_has_another_certificate_than_was_said_is_refused() -> None:
    with pytest.raises(WrongCertificate):
        await shake_hands([("sha-256", ":".join(["00"] * 32))])


def spend(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_cpu_is_what_the_process_itself_counts() -> None:
    own, told = time.process_time(), cpu_seconds(os.getpid())
    spend(0.05)
    told, own = cpu_seconds(os.getpid()) - told, time.process_time() - own
    assert 0.04 <= told <= own
