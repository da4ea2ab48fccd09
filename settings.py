"""The front door of settings: the only place that reads the environment (``docs/settings.md`` lists every one)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Settings(BaseSettings):
    """Every setting is ``NGHISU_`` and the name in capitals."""

    model_config = SettingsConfigDict(env_prefix="NGHISU_", extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on. Anything but loopback speaks https.")
    port: int = Field(8080, ge=1, le=65535, description="Port of pages, API and signalling.")
    var: Path = Field(Path("var"), description="Folder of all data: databases, recordings, mail, certificate.")
    announce: str | None = Field(
        None,
        description="Address that browsers send media to, where it is not the host; several are separated by commas.",
    )
    media_port: int | None = Field(
        None, ge=1, le=65535, description="UDP and TCP port of the first relay. Default: port + 1000."
    )
    relays: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Relay processes; relay i takes the media port + i. Default: one per core, and two at least.",
    )
    relay_cap: int = Field(
        600, ge=2, le=5000, description="Sites that one relay carries; a larger meeting spreads over several."
    )
    relay_address: str | None = Field(
        None, description="Where other relays reach this machine's. Default: the host, or loopback. UDP, any port."
    )
    public_url: str | None = Field(
        None, description="Address written into invitations. Default: made from host and port."
    )
    certificate: Path | None = Field(None, description="PEM certificate chain. Default off loopback: one is generated.")
    private_key: Path | None = Field(None, description="PEM private key of the certificate.")
    database: str | None = Field(None, description="postgresql+asyncpg://… in place of the SQLite files.")
    smtp: str | None = Field(
        None,
        pattern=r"^smtps?://[^/\s]+$",
        description="smtp[s]://user:password@host:port. Default: mail goes to var/outbox.",
    )
    mail_from: str = Field("Nghị Sự <nghisu@localhost>", description="Sender of invitations.")
    server: str | None = Field(None, description="Where relay and recorder find the server. Default: a local socket.")
    token: str | None = Field(None, description="Shared secret of server, relay and recorder. Default: made by `up`.")
    turn: str | None = Field(
        None,
        description="turn: and turns: URLs for browsers that reach nothing else, separated by commas. "
        "Default: the TURN server that `up` runs, if any.",
    )
    turn_secret: str | None = Field(
        None,
        description="Secret shared with the TURN server (coturn: static-auth-secret). Default: made from var/secret.",
    )
    turn_server: Path | None = Field(None, description="coturn's program, which `up` then runs: /usr/bin/turnserver.")
    turn_host: str | None = Field(None, description="Address that turn_server listens on. Default: the host.")
    turn_port: int = Field(3478, ge=1, le=65535, description="UDP and TCP port of turn_server.")
    turn_tls_port: int = Field(5349, ge=1, le=65535, description="TLS port of turn_server; 443 passes most firewalls.")
    metrics_token: str | None = Field(
        None, min_length=16, description="Bearer token of monitoring that is not on this machine (docs/metrics.md)."
    )
    log_level: str = Field("info", description="debug, info, warning or error.")

    @property
    def secure(self) -> bool:
        """Whether pages are served by https."""
        return self.host not in LOOPBACK or self.certificate is not None

    @property
    def media(self) -> tuple[str, int]:
        """Address and port, UDP and TCP, that the first relay binds."""
        port = self.media_port or (self.port + 1000 if self.port <= 64535 else self.port - 1000)
        return self.host, port

    @property
    def pipe_address(self) -> str:
        """The address at which relays listen for each other."""
        return self.relay_address or ("127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host)

    @property
    def relay_count(self) -> int:
        """How many relays this machine runs: at least two, so that a meeting whose relay dies goes on at once."""
        return self.relays or max(2, len(os.sched_getaffinity(0)))

    @property
    def announced(self) -> tuple[str, ...]:
        """The addresses that browsers send media to; none where it is the host."""
        return _listed(self.announce)

    @property
    def turn_urls(self) -> tuple[str, ...]:
        """The TURN servers that browsers are told of, in the order in which they are tried."""
        if self.turn or not self.turn_server:
            return _listed(self.turn)
        name = self.turn_host or urlsplit(self.base_url).hostname or self.host
        name = f"[{name}]" if ":" in name else name
        plain = [f"turn:{name}:{self.turn_port}?transport={transport}" for transport in ("udp", "tcp")]
        return (*plain, *([f"turns:{name}:{self.turn_tls_port}?transport=tcp"] if self.secure else []))

    @property
    def base_url(self) -> str:
        """Scheme, host and port as browsers reach them, without a slash at the end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = self.announced[0] if self.announced else self.host
        return f"{'https' if self.secure else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def origin(self) -> str:
        """The Origin that state-changing requests must come from."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def socket(self) -> Path:
        """The Unix socket between server, relay and recorder; its path must stay below 108 bytes."""
        inside = self.var.resolve() / "run" / "server.sock"
        if len(str(inside).encode()) < 100:
            return inside
        return Path(tempfile.gettempdir()) / f"nghisu-{hashlib.sha256(str(inside).encode()).hexdigest()[:16]}.sock"


def _listed(names: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (names or "").split(",") if name.strip())
