"""One-time links: they make the first administrator, activate an account, or reset its password (ADR 0004)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from meetings.access import Office
from meetings.errors import Conflict, Invalid
from meetings.tables import Person
from web.deps import Deps
from web.errors import LinkSpent, LinkUnknown
from web.models.accounts import UseLink
from web.sessions import digest, revoke_all
from web.tables import Account, OneTimeLink

LASTS = timedelta(hours=72)
FIRST = "first_administrator"


def address(deps: Deps, token: str) -> str:
    """Where the browser opens the link."""
    return f"{deps.base_url}/welcome/{token}"


async def first_administrator_link(deps: Deps) -> str | None:
    """A link that makes the first administrator, ``None`` once there is one. Links given out before stay good."""
    async with deps.database.begin() as database:
        if await has_administrator(database):
            return None
        return address(deps, await _make(database, FIRST, None, deps.now(), None))


async def for_account(database: AsyncSession, account: Account, now: datetime) -> tuple[str, datetime]:
    """The token and the end of a new link of the account; an earlier one is void."""
    await database.execute(delete(OneTimeLink).where(OneTimeLink.account_id == account.id))
    until = now + LASTS
    purpose = "reset" if account.password_hash else "activate"
    return await _make(database, purpose, account.id, now, until), until


async def read(database: AsyncSession, token: str, now: datetime) -> OneTimeLink:
    """The living link, with its account. Raises ``LinkUnknown`` or ``LinkSpent``."""
    link = await database.scalar(
        select(OneTimeLink)
        .where(OneTimeLink.token_digest == digest(token))
        .options(joinedload(OneTimeLink.account))
        .with_for_update(of=OneTimeLink)
    )
    if link is None:
        raise LinkUnknown
    over = link.expires_at is not None and now >= link.expires_at
    if link.used_at or over or (link.account and link.account.disabled):
        raise LinkSpent
    if link.purpose == FIRST and await has_administrator(database):
        raise LinkSpent
    return link


async def use(database: AsyncSession, link: OneTimeLink, given: UseLink, password_hash: str, now: datetime) -> Account:
    """Sets the password, and makes the account for the first administrator. Earlier sessions of the account end."""
    link.used_at = now
    if link.account is None:
        account = await _first_administrator(database, given, now)
    else:
        account = link.account
        await revoke_all(database, account.id)
    account.password_hash = password_hash
    await database.flush()
    return account


async def has_administrator(database: AsyncSession) -> bool:
    """Whether somebody can administer: an administrator with a password who is not disabled."""
    found = await database.scalar(
        select(Account.id)
        .where(Account.office == Office.ADMINISTRATOR, Account.password_hash.is_not(None), Account.disabled.is_(False))
        .limit(1)
    )
    return found is not None


async def _first_administrator(database: AsyncSession, given: UseLink, now: datetime) -> Account:
    if given.username is None or given.name is None:
        raise Invalid("invalid", field="username" if given.username is None else "name", reason="required")
    await database.execute(select(OneTimeLink.id).where(OneTimeLink.purpose == FIRST).with_for_update())
    if await database.scalar(select(Account.id).where(Account.username == given.username)):
        raise Conflict("username_taken", username=given.username)
    person = Person(name=given.name)
    account = Account(
        username=given.username, name=given.name, office=Office.ADMINISTRATOR, person=person, created_at=now
    )
    database.add(account)
    return account


async def _make(
    database: AsyncSession,
    purpose: Literal["first_administrator", "activate", "reset"],
    account: str | None,
    now: datetime,
    until: datetime | None,
) -> str:
    token = secrets.token_urlsafe(32)
    database.add(
        OneTimeLink(purpose=purpose, account_id=account, token_digest=digest(token), created_at=now, expires_at=until)
    )
    return token
