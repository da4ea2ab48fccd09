"""The window to SMTP: the only place that speaks it. Errors say whether another attempt can help."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

TIMEOUT = 30.0
"""Seconds for each answer of the server (RFC 5321 §4.5.3.2 would allow minutes; a job tries again anyway)."""
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class MailRefused(Exception):
    """The server will never take this mail for this recipient; another attempt is useless."""


class MailDelayed(Exception):
    """The server does not answer or asks for patience (4xx), or its configuration must be mended first."""


class Transport(Protocol):
    async def send(self, message: EmailMessage) -> None:
        """Raises ``MailRefused`` or ``MailDelayed``; returns when the mail is safely handed over."""
        ...


class Smtp:
    """``smtp://`` upgrades by STARTTLS where the server offers it, ``smtps://`` begins with TLS; both check the
    certificate. With a password, ``smtp://`` insists on STARTTLS unless the server is on this machine.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("the address of the mail server is smtp[s]://user:password@host:port")
        self._host = parts.hostname
        self._tls = parts.scheme == "smtps"
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._port = parts.port or (465 if self._tls else 587 if self._user else 25)
        insists = self._user is not None and not self._tls and self._host not in LOOPBACK
        self._start_tls = False if self._tls else True if insists else None
        self._timeout = timeout

    async def send(self, message: EmailMessage) -> None:
        sender, recipient = parseaddr(str(message["From"]))[1], parseaddr(str(message["To"]))[1]
        content = await asyncio.to_thread(message.as_bytes, policy=SMTP)
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._tls,
            start_tls=self._start_tls,
            timeout=self._timeout,
        )
        try:
            async with client:
                await client.sendmail(sender, [recipient], content)
        except aiosmtplib.SMTPRecipientsRefused as error:
            refusals = [refusal.code for refusal in error.recipients]
            kind = MailRefused if all(code >= 500 for code in refusals) else MailDelayed
            raise kind("; ".join(f"{refusal.code} {refusal.message}" for refusal in error.recipients)) from error
        except aiosmtplib.SMTPDataError as error:
            kind = MailRefused if error.code >= 500 else MailDelayed
            raise kind(f"{error.code} {error.message}") from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailDelayed(str(error) or repr(error)) from error
