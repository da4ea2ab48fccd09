"""How often somebody may try a password: counted per account and per address, before the password is looked at."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from web.errors import TooManyAttempts
from web.tables import SignInAttempt

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 10
PER_ADDRESS = 60
"""Many offices share one address behind a firewall."""


def wait(earlier: Sequence[datetime], limit: int, now: datetime) -> int:
    """Seconds until another attempt is allowed; 0: now. ``earlier`` are the attempts within the window."""
    if len(earlier) < limit:
        return 0
    return max(1, math.ceil((sorted(earlier)[-limit] + WINDOW - now).total_seconds()))


async def count(database: AsyncSession, username: str, address: str, now: datetime) -> None:
    """Counts an attempt. Raises ``TooManyAttempts`` with the seconds to wait; then it is not counted.

    Attempts on the same key wait for each other: SQLite has one writer, PostgreSQL gets a lock a key.
    """
    keys = {_account(username): PER_ACCOUNT, _address(address): PER_ADDRESS}
    if database.get_bind().dialect.name == "postgresql":
        for key in sorted(keys):
            await database.execute(select(func.pg_advisory_xact_lock(int.from_bytes(key[:8], signed=True))))
    await database.execute(delete(SignInAttempt).where(SignInAttempt.at <= now - WINDOW))
    rows = await database.execute(select(SignInAttempt.key, SignInAttempt.at).where(SignInAttempt.key.in_(keys)))
    earlier = rows.all()
    seconds = max(wait([at for k, at in earlier if k == key], limit, now) for key, limit in keys.items())
    if seconds:
        raise TooManyAttempts(seconds=seconds)
    database.add_all(SignInAttempt(key=key, at=now) for key in keys)


async def forget(database: AsyncSession, username: str) -> None:
    """The right password was given: the account's count begins anew. The address keeps its own."""
    await database.execute(delete(SignInAttempt).where(SignInAttempt.key == _account(username)))


def _account(username: str) -> bytes:
    return hashlib.sha256(f"account\n{username}".encode()).digest()


def _address(address: str) -> bytes:
    return hashlib.sha256(f"address\n{address}".encode()).digest()
