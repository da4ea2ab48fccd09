"""The TURN server as the product runs it: real coturn, asked by aioice with the credentials that browsers are given."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aioice import stun, turn

from media.coturn import CoturnConfig, configuration
from media.port import Port
from settings import Settings
from signaling.turn import LIFETIME, NO_TURN, Turn, derived, password
from store.secret import secret
from tests.net.tools import program
from web.tls import made

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC)
GENEROUS = 60.0


@dataclass(frozen=True)
class Server:
    port: int
    tls_port: int
    secret: bytes

    def turn(self) -> Turn:
        return Turn(("turn:127.0.0.1",), self.secret)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """``server.py turn`` for the media of this machine, with a certificate."""
    var = tmp_path_factory.mktemp("turn")
    chain, key = made(var / "tls", ["127.0.0.1"], NOW)
    port, tls_port = free_ports()
    process = started(var, port, tls_port, NGHISU_CERTIFICATE=str(chain), NGHISU_PRIVATE_KEY=str(key))
    try:
        wait_for(port)
        yield Server(port, tls_port, derived(secret(var)).encode())
    finally:
        process.terminate()
        process.wait(GENEROUS)


def started(var: Path, port: int, tls_port: int, **settings: str) -> subprocess.Popen[bytes]:
    given = {
        "NGHISU_VAR": str(var),
        "NGHISU_TURN_SERVER": program("turnserver"),
        "NGHISU_TURN_PORT": str(port),
        "NGHISU_TURN_TLS_PORT": str(tls_port),
        **settings,
    }
    with (var / "turn.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "server.py", "turn"], cwd=ROOT, env={**os.environ, **given}, stdout=log, stderr=log
        )


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(int(GENEROUS / 0.1)):
        with socket.socket() as visitor:
            visitor.settimeout(0.1)
            if visitor.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nobody listens on {port}")


class Peer(asyncio.DatagramProtocol):
    """``heard`` gets what comes through the TURN server."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.put_nowait(data)


@asynccontextmanager
async def allocation(
    server: Server, username: str, credential: str, way: str
) -> AsyncIterator[tuple[turn.TurnTransport, Peer]]:
    """A relayed address, by ``udp``, ``tcp`` or ``tls``. Raises ``TransactionFailed`` when it is refused."""
    trusting: ssl.SSLContext | None = None
    if way == "tls":
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    try:
        transport, peer = await turn.create_turn_endpoint(
            Peer,
            ("127.0.0.1", server.tls_port if way == "tls" else server.port),
            username,
            credential,
            ssl=trusting,
            transport="udp" if way == "udp" else "tcp",
        )
        try:
            yield transport, peer
        finally:
            await transport._close()  # pyright: ignore[reportPrivateUsage]
    finally:
        await asyncio.sleep(0.05)  # asyncio closes a socket in a later turn of the loop


def check(ufrag: str, secret: str) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{ufrag}:theirs"
    message.attributes["PRIORITY"] = 1
    message.add_message_integrity(secret.encode())
    return bytes(message)


class Someone:
    """A transport that takes note of the addresses that checks come from."""

    def __init__(self) -> None:
        self.addresses: list[Any] = []

    def checked(self, address: Any, ufrag: str, nominated: bool, now: int) -> None:
        self.addresses.append(address)


@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
async def test_a_check_goes_through_turn_to_the_relay_and_its_answer_comes_back(server: Server, way: str) -> None:
    (given,) = server.turn().servers("site-1", NOW)
    port, someone = Port("127.0.0.1", 0), Someone()
    port.welcome("ufrag", someone, b"a password of the relay")  # type: ignore[arg-type]
    port.start()
    try:
        async with allocation(server, given.username, given.credential, way) as (transport, peer):
            transport.sendto(check("ufrag", "a password of the relay"), ("127.0.0.1", port.number))
            answer = stun.parse_message(await asyncio.wait_for(peer.heard.get(), GENEROUS))
            assert answer.message_class == stun.Class.RESPONSE
            assert answer.attributes["XOR-MAPPED-ADDRESS"] == transport.get_extra_info("sockname")
            assert len(someone.addresses) == 1
    finally:
        port.close()


@pytest.mark.parametrize("wrong", ["an expired name", "another secret", "a longer life", "no name"])
async def test_credentials_that_are_not_good_any_more_or_never_were_are_refused(server: Server, wrong: str) -> None:
    (given,) = server.turn().servers("site-1", NOW)
    username, credential = given.username, given.credential
    if wrong == "an expired name":
        (old,) = server.turn().servers("site-1", NOW - LIFETIME - timedelta(minutes=1))
        username, credential = old.username, old.credential
    elif wrong == "another secret":
        credential = password(b"guessed", username)
    elif wrong == "a longer life":
        username = f"{int(username.partition(':')[0]) + 86_400}:site-1"
    else:
        username = ""
    with pytest.raises(stun.TransactionFailed) as refusal:
        async with allocation(server, username, credential, "tcp"):
            pass
    assert refusal.value.response.attributes["ERROR-CODE"][0] == 401


async def test_an_allocation_is_renewed_under_a_name_that_has_ended(server: Server) -> None:
    username = f"{int(datetime.now(UTC).timestamp()) + 2}:site-1"
    async with allocation(server, username, password(server.secret, username), "tcp") as (transport, _):
        await asyncio.sleep(3.5)
        renewal = stun.Message(stun.Method.REFRESH, stun.Class.REQUEST)
        renewal.attributes["LIFETIME"] = 600
        answer, _ = await transport._TurnTransport__inner_protocol.request_with_retry(renewal)  # type: ignore[attr-defined]
        assert answer.attributes["LIFETIME"] == 600


@pytest.mark.parametrize("address", ["127.0.0.2", "10.0.0.1", "169.254.169.254"])
async def test_nothing_but_the_relays_can_be_reached_through_it(server: Server, address: str) -> None:
    (given,) = server.turn().servers("site-1", NOW)
    async with allocation(server, given.username, given.credential, "tcp") as (transport, _):
        with pytest.raises(stun.TransactionFailed) as refusal:
            await transport._TurnTransport__inner_protocol.send_data(b"hello", (address, 22))  # type: ignore[attr-defined]
    assert refusal.value.response.attributes["ERROR-CODE"][0] == 403


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    port, tls_port = free_ports()
    starter = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "server.py", "turn"])
print(child.pid, flush=True)
time.sleep(600)
"""
    given = {
        "NGHISU_VAR": str(tmp_path),
        "NGHISU_TURN_SERVER": program("turnserver"),
        "NGHISU_TURN_PORT": str(port),
        "NGHISU_TURN_TLS_PORT": str(tls_port),
    }
    with (tmp_path / "turn.log").open("wb") as log:
        parent = subprocess.Popen(
            [sys.executable, "-c", starter],
            cwd=ROOT,
            env={**os.environ, **given},
            stdout=subprocess.PIPE,
            stderr=log,
        )
    with parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        wait_for(port)
        parent.kill()
    for _ in range(int(GENEROUS / 0.1)):
        if not Path(f"/proc/{child}").exists():
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("coturn lives on alone")


def test_a_program_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    process = started(tmp_path, *free_ports(), NGHISU_TURN_SERVER=str(tmp_path / "no-turnserver"))
    assert process.wait(GENEROUS) == 3
    assert f"{tmp_path / 'no-turnserver'} cannot be run" in (tmp_path / "turn.log").read_text()


# -- Without the program


def test_what_browsers_are_told_follows_from_the_settings(tmp_path: Path) -> None:
    def told(**given: Any) -> tuple[str, ...]:
        return Settings(var=tmp_path, **given).turn_urls

    assert told() == ()
    assert told(turn_server=Path("/usr/bin/turnserver"), host="10.1.2.3") == (
        "turn:10.1.2.3:3478?transport=udp",
        "turn:10.1.2.3:3478?transport=tcp",
        "turns:10.1.2.3:5349?transport=tcp",
    )
    assert told(turn_server=Path("/x"), host="::", announce="192.0.2.1, 2001:db8::1", turn_host="2001:db8::2")[0] == (
        "turn:[2001:db8::2]:3478?transport=udp"
    )
    assert told(turn="turns:hop.example:443?transport=tcp, turn:hop.example", turn_server=Path("/x")) == (
        "turns:hop.example:443?transport=tcp",
        "turn:hop.example",
    )


def test_a_site_is_given_a_name_that_says_when_it_ends() -> None:
    assert NO_TURN.servers("site-1", NOW) == ()
    (given,) = Turn(("turn:hop.example",), b"secret").servers("site-1", NOW)
    ends, _, site = given.username.partition(":")
    assert (int(ends), site) == (int((NOW + LIFETIME).timestamp()), "site-1")
    assert given.credential == password(b"secret", given.username)


def test_the_secret_is_made_whole_and_once(tmp_path: Path) -> None:
    first = secret(tmp_path)
    assert len(first) == 48
    assert secret(tmp_path) == first
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_the_configuration_opens_loopback_for_nobody_else(tmp_path: Path) -> None:
    def written(peers: tuple[str, ...]) -> list[str]:
        config = CoturnConfig(Path("/x"), "0.0.0.0", 3478, 5349, "s", peers, None, None, tmp_path)
        return configuration(config).splitlines()

    public = written(("192.0.2.1", "2001:db8::1"))
    assert "allow-loopback-peers" not in public
    assert [line for line in public if "peer-ip" in line] == [
        "denied-peer-ip=0.0.0.0-255.255.255.255",
        "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "allowed-peer-ip=192.0.2.1",
        "allowed-peer-ip=2001:db8::1",
    ]
    assert "no-tls" in public
    assert not [line for line in public if line.startswith("listening-ip")]
    assert "allow-loopback-peers" in written(("127.0.0.1",))
