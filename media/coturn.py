"""The TURN server of a machine: coturn, told to carry media to the relays of this house and to nothing else.

The process becomes coturn, so that whoever started it ends it by a signal; it ends with whoever started it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the signal that a process gets when its parent dies; it survives execve(2)."""


@dataclass(frozen=True)
class CoturnConfig:
    """``peers``: the addresses of the relays, the only ones that media is carried to. ``certificate`` and ``key``:
    PEM files for TLS, ``None`` for a server without it. ``folder`` takes what the program writes.
    """

    program: Path
    host: str
    port: int
    tls_port: int
    secret: str
    peers: tuple[str, ...]
    certificate: Path | None
    key: Path | None
    folder: Path


def configuration(config: CoturnConfig) -> str:
    """The text of ``turnserver.conf``: credentials by a shared secret, no peer but the relays."""
    lines = [
        "use-auth-secret",
        f"static-auth-secret={config.secret}",
        "realm=nghisu",
        "fingerprint",
        "stale-nonce=600",
        "no-cli",
        "no-rfc5780",
        "no-stun-backward-compatibility",
        "no-software-attribute",
        "no-tcp-relay",
        "no-multicast-peers",
        "no-dtls",
        "denied-peer-ip=0.0.0.0-255.255.255.255",
        "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        *(f"allowed-peer-ip={peer}" for peer in config.peers),
        *(["allow-loopback-peers"] if any(peer in ("127.0.0.1", "::1") for peer in config.peers) else []),
        *([] if config.host in ("0.0.0.0", "::") else [f"listening-ip={config.host}"]),
        f"listening-port={config.port}",
        *(
            ["no-tls"]
            if config.certificate is None
            else [
                f"tls-listening-port={config.tls_port}",
                f"cert={config.certificate.absolute()}",
                f"pkey={config.key.absolute() if config.key else config.certificate.absolute()}",
                "no-tlsv1",
                "no-tlsv1_1",
            ]
        ),
        f"userdb={config.folder.absolute() / 'turn.db'}",
        f"pidfile={config.folder.absolute() / 'turn.pid'}",
        "log-file=stdout",
        "simple-log",
    ]
    return "\n".join([*lines, ""])


def become(config: CoturnConfig) -> NoReturn:
    """What the program says goes to ``turn.log`` in its folder. Raises ``OSError`` when it cannot be run."""
    if not os.access(config.program, os.X_OK):
        raise OSError(f"{config.program} cannot be run")
    config.folder.mkdir(parents=True, exist_ok=True)
    path = config.folder / "turnserver.conf"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    with os.fdopen(descriptor, "w") as file:
        file.write(configuration(config))
    log = os.open(config.folder / "turn.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, stat.S_IRUSR | stat.S_IWUSR)
    os.dup2(log, 1)
    os.dup2(log, 2)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.execv(config.program, [str(config.program), "-c", str(path.absolute())])
