"""Connectivity checks as aioice writes them, and what must not pass for one."""

from __future__ import annotations

import random

import pytest
from aioice import stun as aioice
from hypothesis import given, settings
from hypothesis import strategies as st

from media import stun

PASSWORD = b"secret password of 22+ bytes"


def check(*, user: str = "ours:theirs", password: bytes = PASSWORD, nominate: bool = True, padded: str = "") -> bytes:
    message = aioice.Message(aioice.Method.BINDING, aioice.Class.REQUEST, transaction_id=b"transaction!")
    message.attributes["USERNAME"] = user
    message.attributes["PRIORITY"] = 1
    if padded:
        message.attributes["SOFTWARE"] = padded
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password)
    return bytes(message)


def test_a_check_is_read_and_proved() -> None:
    read = stun.read_check(check(padded="abc"))
    assert read is not None
    assert (read.ufrag, read.nominates, read.transaction) == ("ours", True, b"transaction!")
    assert read.proves(PASSWORD)
    assert not read.proves(b"another")


@pytest.mark.parametrize("address", [("192.0.2.7", 40_000), ("2001:db8::7", 9)])
def test_the_answer_is_understood_and_tells_the_address(address: tuple[str, int]) -> None:
    read = stun.read_check(check(nominate=False))
    assert read is not None
    assert not read.nominates
    answer = aioice.parse_message(stun.answer(read, address, PASSWORD))
    assert answer.message_class == aioice.Class.RESPONSE
    assert answer.transaction_id == b"transaction!"
    assert answer.check_message_integrity(PASSWORD)
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == address


def test_an_address_of_a_dual_stack_socket_is_unmapped() -> None:
    read = stun.read_check(check())
    assert read is not None
    answer = aioice.parse_message(stun.answer(read, ("::ffff:192.0.2.7", 5), PASSWORD))
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.7", 5)


def unsigned() -> bytes:
    message = aioice.Message(aioice.Method.BINDING, aioice.Class.REQUEST)
    message.attributes["USERNAME"] = "ours:theirs"
    message.add_fingerprint()
    return bytes(message)


def without_fingerprint() -> bytes:
    whole = check()
    return stun._with_length(whole[:-8], len(whole) - 28)  # pyright: ignore[reportPrivateUsage]


BROKEN = {
    "empty": b"",
    "cut": check()[:-1],
    "longer than it says": check() + b"\0\0\0\0",
    "of another cookie": check()[:4] + b"\0\0\0\0" + check()[8:],
    "a response": b"\x01\x01" + check()[2:],
    "unsigned": unsigned(),
    "without fingerprint": without_fingerprint(),
    "with a wrong fingerprint": check()[:-1] + bytes([check()[-1] ^ 1]),
    "an attribute beyond its end": check()[:22] + b"\xff\xf0" + check()[24:],
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_check_is_none(name: str) -> None:
    assert stun.read_check(BROKEN[name]) is None


def test_no_changed_byte_is_believed() -> None:
    whole, dice = check(), random.Random(3)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= dice.randrange(1, 256)
        read = stun.read_check(bytes(changed))
        assert read is None or not read.proves(PASSWORD)


@settings(max_examples=500)
@given(st.binary(max_size=120), st.booleans())
def test_no_bytes_make_it_raise(tail: bytes, framed: bool) -> None:
    size = len(tail) // 4 * 4
    head = b"\x00\x01" + size.to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12)
    assert stun.read_check(head + tail[:size] if framed else tail) is None
