"""The windows to the world: a real SMTP server, and the outbox folder."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from guests import BASE_URL, EDITION, GUEST, NOW, SENDER, Mailbox, entry

from meetings.errors import NotFound
from scheduler.mail import MailDelayed, MailRefused, Smtp
from scheduler.message import Envelope, mail
from scheduler.outbox import NAME, Outbox


def letter(copy: int = 0, days: int = 0) -> EmailMessage:
    envelope = Envelope("REQUEST", 0, copy, NOW + timedelta(days=days))
    return mail(EDITION, GUEST, "request", envelope, sender=SENDER, link=f"{BASE_URL}/join/T")


async def test_a_letter_arrives_byte_for_byte() -> None:
    mailbox = Mailbox()
    async with mailbox.open() as url:
        await Smtp(url).send(letter())
    (taken,) = mailbox.taken
    assert taken["Message-ID"] == letter()["Message-ID"]
    assert entry(taken)[1]["SUMMARY"] == EDITION.title
    plain = taken.get_body(("plain",))
    assert plain is not None
    assert f"{BASE_URL}/join/T" in plain.get_content()


async def test_a_mailbox_that_does_not_exist_is_a_refusal_and_a_full_one_a_delay() -> None:
    mailbox = Mailbox(refuse={GUEST.email: "550 5.1.1 no such user"})
    async with mailbox.open() as url:
        with pytest.raises(MailRefused, match="550"):
            await Smtp(url).send(letter())
        mailbox.refuse[GUEST.email] = "452 4.2.2 mailbox full"
        with pytest.raises(MailDelayed, match="452"):
            await Smtp(url).send(letter())
    assert mailbox.taken == []


async def test_a_server_that_is_away_is_a_delay() -> None:
    mailbox = Mailbox()
    async with mailbox.open() as url:
        pass
    with pytest.raises(MailDelayed):
        await Smtp(url, timeout=5).send(letter())


async def test_a_password_is_never_said_in_the_clear() -> None:
    """127.0.0.2 is another host to us; its server offers no STARTTLS."""
    mailbox = Mailbox()
    async with mailbox.open("127.0.0.2"):
        await Smtp(f"smtp://127.0.0.2:{mailbox.port}").send(letter())
        with pytest.raises(MailDelayed, match="STARTTLS"):
            await Smtp(f"smtp://hop:mat-khau@127.0.0.2:{mailbox.port}").send(letter())
    assert len(mailbox.taken) == 1


async def test_offered_tls_is_used_and_a_foreign_certificate_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    mailbox = Mailbox()
    async with mailbox.open(tls=tls) as url:
        with pytest.raises(MailDelayed, match="certificate"):
            await Smtp(url).send(letter())
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        await Smtp(url).send(letter())
    assert len(mailbox.taken) == 1


def self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "mail.example:25"])
def test_an_address_of_no_mail_server_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="smtp"):
        Smtp(url)


async def test_without_a_mail_server_letters_lie_in_the_outbox_newest_first(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    assert await outbox.list() == []
    for day in range(3):
        await outbox.send(letter(copy=day, days=day))
    listed = await outbox.list()
    assert [summary.at for summary in listed] == [NOW + timedelta(days=day) for day in (2, 1, 0)]
    assert {summary.method for summary in listed} == {"REQUEST"}
    assert listed[0].to == f"{GUEST.person} <{GUEST.email}>"
    assert listed[0].subject.startswith("Giấy mời: Giao ban")
    opened = await outbox.read(listed[0].name)
    assert opened.links == (f"{BASE_URL}/join/T",)
    assert "GIẤY MỜI HỌP" in opened.text
    assert opened.calendar.startswith("BEGIN:VCALENDAR")
    whole = message_from_bytes(await outbox.raw(listed[0].name), policy=default)
    assert entry(whole)[0]["METHOD"] == "REQUEST"


async def test_the_same_letter_lies_there_once_and_nothing_half_written_is_shown(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    await outbox.send(letter())
    await outbox.send(letter())
    (tmp_path / f".{(await outbox.list())[0].name}").write_bytes(b"half")
    (tmp_path / "note.txt").write_bytes(b"something else")
    assert len(await outbox.list()) == 1


@pytest.mark.parametrize("name", ["../secret", "..%2fsecret", "20261116T020000-REQUEST-0000000000000000.eml", ""])
async def test_only_letters_of_the_outbox_can_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    with pytest.raises(NotFound):
        await Outbox(tmp_path / "outbox").read(name)
    assert not NAME.fullmatch("../20261116T020000-0000000000000000.eml")
