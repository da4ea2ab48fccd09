"""Files of record: the bytes in an object store, their name, size and SHA-256 in a row.

One API for a folder and for S3 (obstore). Bytes are placed first and registered afterwards, so a row never speaks of a
file that is not whole; a file placed without a row is harmless and is placed again under the same key.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import obstore
from obstore.store import LocalStore
from sqlalchemy import BigInteger, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base, new_id
from store.database import Database

Kind = Literal["film", "track", "journal", "minutes"]


class FileRow(Base):
    """One file of a meeting. ``sha256`` is hexadecimal; ``key`` is its place in the object store."""

    __tablename__ = "files"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    meeting: Mapped[str] = mapped_column(String(32), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))
    key: Mapped[str] = mapped_column(String(300))
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


@dataclass(frozen=True)
class Placed:
    """Bytes that lie in the store and wait for their row."""

    id: str
    meeting: str
    kind: Kind
    name: str
    media_type: str
    key: str
    bytes: int
    sha256: str


class Files:
    """Keeps files under ``root``."""

    def __init__(self, database: Database, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._database, self._root = database, root
        self._store = LocalStore(root)

    async def keep(
        self, session: AsyncSession, *, meeting: str, kind: Kind, name: str, media_type: str, source: Path
    ) -> FileRow:
        """Places and registers a file. For large ones ``place`` first, so that no transaction waits for the disk."""
        placed = await self.place(meeting=meeting, kind=kind, name=name, media_type=media_type, source=source)
        return await self.register(session, placed)

    async def place(
        self,
        *,
        meeting: str,
        kind: Kind,
        name: str,
        media_type: str,
        source: Path,
        id: str | None = None,
        share: bool = False,
    ) -> Placed:
        """Streams the bytes into the store. The same ``id`` replaces what was placed under it before.

        ``share``: the source is never written again, so where it lies on the same disk its bytes are not copied.
        """
        id = id or new_id()
        key = f"{meeting}/{id}{Path(name).suffix}"
        target = self._root / key
        if not (share and await asyncio.to_thread(_link, source, target)):
            await obstore.put_async(self._store, key, source)
        size, digest = await asyncio.to_thread(_measure, target)
        return Placed(id, meeting, kind, name, media_type, key, size, digest)

    async def register(self, session: AsyncSession, placed: Placed) -> FileRow:
        """Writes the row of placed bytes, in the caller's transaction."""
        row = FileRow(
            id=placed.id,
            meeting=placed.meeting,
            kind=placed.kind,
            name=placed.name,
            media_type=placed.media_type,
            key=placed.key,
            bytes=placed.bytes,
            sha256=placed.sha256,
            created_at=datetime.now(UTC),
        )
        return await session.merge(row)

    async def of(self, meeting: str) -> list[FileRow]:
        """Every file of a meeting, oldest first."""
        async with self._database.begin() as session:
            rows = await session.scalars(
                select(FileRow).where(FileRow.meeting == meeting).order_by(FileRow.created_at, FileRow.id)
            )
            return list(rows)

    def path(self, row: FileRow) -> Path:
        """Where the file lies in the folder."""
        return self._root / row.key

    def verify(self, row: FileRow) -> bool:
        """Whether the bytes are those that were registered. Reads the whole file: call it off the loop."""
        try:
            return _measure(self.path(row)) == (row.bytes, row.sha256)
        except OSError:
            return False


def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def _link(source: Path, target: Path) -> bool:
    """Gives the same bytes a second name; false where the disk cannot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        return False
    return True
