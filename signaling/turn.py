"""Short-lived credentials for the TURN server: a name that says when it ends, signed with a shared secret.

The form is that of draft-uberti-behave-turn-rest-00, which coturn reads with ``use-auth-secret``. Nothing is stored:
whoever has the secret can tell a right password from a wrong one.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from signaling.protocol import IceServer

LIFETIME = timedelta(hours=6)
"""Longer than a session of a meeting: an allocation is renewed under the name that made it."""


@dataclass(frozen=True)
class Turn:
    """``urls``: ``turn:`` and ``turns:`` addresses in the order in which they are tried (RFC 7065)."""

    urls: tuple[str, ...]
    secret: bytes

    def servers(self, site: str, now: datetime) -> tuple[IceServer, ...]:
        """What a site's browser is given; nothing where there is no TURN server."""
        if not self.urls:
            return ()
        username = f"{int((now + LIFETIME).timestamp())}:{site}"
        return (IceServer(self.urls, username, password(self.secret, username)),)


NO_TURN = Turn((), b"")


def password(secret: bytes, username: str) -> str:
    return base64.b64encode(hmac.digest(secret, username.encode(), "sha1")).decode()


def derived(secret: bytes) -> str:
    """What server and TURN server know in common, where nothing else was agreed: from the installation's secret."""
    return hmac.digest(secret, b"turn", "sha256").hex()
