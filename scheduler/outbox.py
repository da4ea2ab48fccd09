"""Where mail goes while no mail server is set: one ``.eml`` file a letter, readable on the page *Thư đã gửi*."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP, default
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal, cast

from meetings.errors import NotFound

Method = Literal["REQUEST", "CANCEL", ""]
NAME = re.compile(r"\d{8}T\d{6}-(?:(REQUEST|CANCEL)-)?[0-9a-f]{16}\.eml")
_LINK = re.compile(r"https?://[^\s<>\"]+")
_HEAD = 8192


@dataclass(frozen=True)
class Summary:
    """``at`` is the mail's own date."""

    name: str
    at: datetime
    to: str
    subject: str
    method: Method


@dataclass(frozen=True)
class Opened:
    """``text`` is the plain body, ``calendar`` the text/calendar part, ``links`` what the body points to."""

    name: str
    at: datetime
    to: str
    sender: str
    subject: str
    text: str
    calendar: str
    links: tuple[str, ...]


class Outbox:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message: EmailMessage) -> None:
        """Written whole or not at all; the same letter replaces itself."""
        await asyncio.to_thread(self._write, message)

    async def list(self, limit: int = 200) -> list[Summary]:
        """The newest first."""
        return await asyncio.to_thread(self._list, limit)

    async def read(self, name: str) -> Opened:
        """Raises ``NotFound`` *mail_unknown*."""
        return await asyncio.to_thread(_opened, name, await self.raw(name))

    async def raw(self, name: str) -> bytes:
        """The file as it stands. Raises ``NotFound`` *mail_unknown*."""
        if not NAME.fullmatch(name):
            raise NotFound("mail_unknown")
        try:
            return await asyncio.to_thread((self._folder / name).read_bytes)
        except FileNotFoundError as error:
            raise NotFound("mail_unknown") from error

    def _write(self, message: EmailMessage) -> None:
        name, content = _name(message), message.as_bytes(policy=SMTP)
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{name}"
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / name)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _list(self, limit: int) -> list[Summary]:
        if not self._folder.is_dir():
            return []
        names = sorted((path.name for path in self._folder.iterdir() if NAME.fullmatch(path.name)), reverse=True)
        return [self._summary(name) for name in names[:limit]]

    def _summary(self, name: str) -> Summary:
        with (self._folder / name).open("rb") as file:
            message = BytesHeaderParser(policy=default).parsebytes(file.read(_HEAD))
        found = NAME.fullmatch(name)
        method = cast("Method", (found and found[1]) or "")
        return Summary(name, _date(message), str(message["To"]), str(message["Subject"]), method)


def _name(message: EmailMessage) -> str:
    """Sorts by the mail's date; the same letter has the same name."""
    digest = hashlib.sha256(str(message["Message-ID"]).encode()).hexdigest()[:16]
    invitation = _part(message, "calendar")
    method = str(invitation.get_param("method")) if invitation else ""
    return f"{_date(message):%Y%m%dT%H%M%S}-{method + '-' if method else ''}{digest}.eml"


def _opened(name: str, content: bytes) -> Opened:
    message = message_from_bytes(content, policy=default)
    plain, invitation = _part(message, "plain"), _part(message, "calendar")
    text = plain.get_content() if plain else ""
    return Opened(
        name=name,
        at=_date(message),
        to=str(message["To"]),
        sender=str(message["From"]),
        subject=str(message["Subject"]),
        text=text,
        calendar=invitation.get_content() if invitation else "",
        links=tuple(dict.fromkeys(_LINK.findall(text))),
    )


def _part(message: EmailMessage, subtype: str) -> EmailMessage | None:
    texts = (part for part in message.walk() if part.get_content_type() == f"text/{subtype}")
    return next(texts, None)


def _date(message: EmailMessage) -> datetime:
    return parsedate_to_datetime(str(message["Date"])).astimezone(UTC)
