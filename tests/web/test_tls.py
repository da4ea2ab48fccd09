from __future__ import annotations

import ipaddress
import socket
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from cryptography import x509

from settings import Settings
from web.tls import LASTS, context, fingerprint, made, names

NOW = datetime(2026, 11, 16, 2, tzinfo=UTC)


def test_a_certificate_is_made_once_and_kept(tmp_path: Path) -> None:
    chain, key = made(tmp_path / "tls", ["10.1.2.3", "localhost"], NOW)
    before = chain.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    made(tmp_path / "tls", ["localhost"], NOW + timedelta(days=300))
    assert chain.read_bytes() == before


def test_it_bears_every_name_of_the_machine(tmp_path: Path) -> None:
    settings = Settings(host="10.1.2.3", announce="203.0.113.7", public_url="https://hop.example", var=tmp_path)
    chain, _ = made(tmp_path / "tls", names(settings), NOW)
    certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(a) for a in held.get_values_for_type(x509.IPAddress)} == {"10.1.2.3", "203.0.113.7"}
    assert set(held.get_values_for_type(x509.DNSName)) >= {"localhost", socket.gethostname(), "hop.example"}


@pytest.mark.parametrize("reason", ["a new name", "the end is near"])
def test_it_is_made_anew_when_it_no_longer_serves(tmp_path: Path, reason: str) -> None:
    chain, _ = made(tmp_path, ["10.1.2.3"], NOW)
    before = fingerprint(chain)
    if reason == "a new name":
        made(tmp_path, ["10.1.2.3", "10.1.2.4"], NOW)
    else:
        made(tmp_path, ["10.1.2.3"], NOW + LASTS - timedelta(days=29))
    assert fingerprint(chain) != before


async def test_browsers_that_trust_it_reach_the_server(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(host="127.0.0.1", var=tmp_path)
    with caplog.at_level("INFO"):
        tls = context(settings)
    chain = tmp_path / "tls" / "certificate.pem"
    assert fingerprint(chain) in caplog.text

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="chào")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    port = runner.addresses[0][1]
    trusting = ssl.create_default_context(cafile=str(chain))
    try:
        async with ClientSession() as http, http.get(f"https://127.0.0.1:{port}/", ssl=trusting) as answer:
            assert await answer.text() == "chào"
    finally:
        await runner.cleanup()


def test_a_given_certificate_is_used(tmp_path: Path) -> None:
    chain, key = made(tmp_path / "given", ["hop.example"], NOW)
    context(Settings(host="10.1.2.3", certificate=chain, private_key=key, var=tmp_path / "var"))
    assert not (tmp_path / "var" / "tls").exists()


def test_a_given_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        context(Settings(host="10.1.2.3", certificate=tmp_path / "no.pem", var=tmp_path))


def test_the_addresses_of_the_loopback_are_addresses(tmp_path: Path) -> None:
    chain, _ = made(tmp_path, ["::1", "127.0.0.1"], NOW)
    held = x509.load_pem_x509_certificate(chain.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert ipaddress.ip_address("::1") in held.value.get_values_for_type(x509.IPAddress)
