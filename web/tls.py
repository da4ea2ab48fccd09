"""The certificate of pages: the one that is given, else one that is made for this machine (ADR 0004).

A made certificate protects against listeners, not against an impostor: browsers warn once. Its fingerprint is logged,
so that the first administrator can compare it with what the browser shows.
"""

from __future__ import annotations

import fcntl
import ipaddress
import logging
import os
import socket
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

log = logging.getLogger("nghisu.tls")

LASTS = timedelta(days=397)
"""The most that browsers accept."""
RENEWED_BEFORE = timedelta(days=30)


class TlsSettings(Protocol):
    """What ``settings.Settings`` says of certificate and addresses."""

    @property
    def host(self) -> str: ...
    @property
    def announced(self) -> tuple[str, ...]: ...
    @property
    def base_url(self) -> str: ...
    @property
    def var(self) -> Path: ...
    @property
    def certificate(self) -> Path | None: ...
    @property
    def private_key(self) -> Path | None: ...


def context(settings: TlsSettings) -> ssl.SSLContext:
    """TLS 1.2 and later with the given certificate, or with a made one in ``var/tls``. Reads and writes files: call it
    in a thread. Raises ``OSError`` or ``ssl.SSLError`` when a given file cannot be used.
    """
    chain, key = files(settings)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.set_alpn_protocols(["http/1.1"])
    tls.load_cert_chain(chain, key)
    log.info("certificate %s, SHA-256 fingerprint %s", chain, fingerprint(chain))
    return tls


def files(settings: TlsSettings) -> tuple[Path, Path | None]:
    """Certificate and key: those given, else those made; one process makes them while others wait."""
    if settings.certificate is not None:
        return settings.certificate, settings.private_key
    folder = settings.var / "tls"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return made(folder, names(settings), datetime.now(UTC))


def names(settings: TlsSettings) -> list[str]:
    """What browsers of the network may call this machine."""
    named = [
        settings.host,
        *settings.announced,
        urlsplit(settings.base_url).hostname,
        socket.gethostname(),
        "localhost",
    ]
    if settings.host in {"0.0.0.0", "::"}:
        named += [str(address[4][0]) for address in socket.getaddrinfo(socket.gethostname(), None)]
    found = dict.fromkeys(name for name in named if name and name not in {"0.0.0.0", "::"})
    return list(found)


def made(folder: Path, names: list[str], now: datetime) -> tuple[Path, Path]:
    """Certificate and key in ``folder``; made anew when names were added or the end is near."""
    chain, key = folder / "certificate.pem", folder / "key.pem"
    if not _good(chain, key, names, now):
        folder.mkdir(parents=True, exist_ok=True)
        _write(*_make(names, now), chain, key)
    return chain, key


def fingerprint(chain: Path) -> str:
    """SHA-256 of the first certificate, as browsers write it."""
    certificate = x509.load_pem_x509_certificates(chain.read_bytes())[0]
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _good(chain: Path, key: Path, names: list[str], now: datetime) -> bool:
    if not chain.exists() or not key.exists():
        return False
    certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(_general(names)) <= set(held) and now + RENEWED_BEFORE < certificate.not_valid_after_utc


def _make(names: list[str], now: datetime) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName(_general(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def _general(names: list[str]) -> list[x509.GeneralName]:
    """Addresses and names as certificates tell them apart (RFC 5280 §4.2.1.6); names in their ASCII form."""
    general: list[x509.GeneralName] = []
    for name in names:
        try:
            general.append(x509.IPAddress(ipaddress.ip_address(name.partition("%")[0])))
        except ValueError:
            general.append(x509.DNSName(name.encode("idna").decode()))
    return general


def _write(certificate: bytes, private: bytes, chain: Path, key: Path) -> None:
    """The key first and for its owner alone; each file appears whole."""
    for content, path in ((private, key), (certificate, chain)):
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        fresh.replace(path)
