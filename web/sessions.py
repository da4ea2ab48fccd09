"""Signed-in browsers: a random token in a cookie, its digest in a row that can be revoked (ADR 0004)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aiohttp import web
from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from meetings.access import OFFICE_MAY, Office, require_office
from web.deps import DEPS, Deps
from web.errors import NotSignedIn
from web.tables import Account, Session

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
TOUCH = timedelta(minutes=1)


@dataclass(frozen=True)
class Identity:
    """Who asks: the account, its office, and the person and unit that it stands for."""

    account: str
    session: str
    username: str
    name: str
    office: Office
    person: str | None
    unit: str | None

    def may(self, act: str) -> bool:
        """Whether the office may do an act of ``meetings.access.OFFICE_MAY``."""
        return act in OFFICE_MAY[self.office]

    def require(self, act: str) -> None:
        """Raises ``NotAllowed`` when the office may not do the act."""
        require_office(self.office, act)


def digest(token: str) -> bytes:
    """What is kept of a token. It is random and long, so a fast hash does."""
    return hashlib.sha256(token.encode()).digest()


def alive(created_at: datetime, seen_at: datetime, now: datetime) -> bool:
    """12 hours without use end a session, 7 days end it in any case."""
    return now - seen_at < IDLE and now - created_at < LONGEST


def cookie_name(deps: Deps) -> str:
    """``__Host-`` binds the cookie to this host over https; the port keeps installations of one host apart."""
    name = f"nghisu-{urlsplit(deps.origin).port or 'main'}"
    return f"__Host-{name}" if deps.secure else name


async def identify(request: web.Request) -> Identity:
    """Raises ``NotSignedIn`` when the request bears no living session."""
    deps = request.app[DEPS]
    token = request.cookies.get(cookie_name(deps))
    if not token:
        raise NotSignedIn
    now = deps.now()
    async with deps.database.begin() as database:
        session = await database.scalar(
            select(Session)
            .where(Session.token_digest == digest(token))
            .options(joinedload(Session.account).joinedload(Account.person))
        )
        if session is None or session.account.disabled or not alive(session.created_at, session.seen_at, now):
            raise NotSignedIn
        account = session.account
        if now - session.seen_at >= TOUCH:
            session.seen_at = account.seen_at = now
        return Identity(
            account=account.id,
            session=session.id,
            username=account.username,
            name=account.name,
            office=Office(account.office),
            person=account.person_id,
            unit=account.person.unit_id if account.person else None,
        )


async def start(database: AsyncSession, account: Account, request: web.Request, now: datetime) -> str:
    """A new session of the account; returns the token for the cookie. Dead sessions of everybody are cleared."""
    token = secrets.token_urlsafe(32)
    await database.execute(
        delete(Session).where(or_(Session.seen_at <= now - IDLE, Session.created_at <= now - LONGEST))
    )
    database.add(
        Session(
            account_id=account.id,
            token_digest=digest(token),
            created_at=now,
            seen_at=now,
            browser=request.headers.get("User-Agent", "")[:200],
            address=(request.remote or "")[:45],
        )
    )
    account.seen_at = now
    return token


async def revoke_all(database: AsyncSession, account: str, keep: str | None = None) -> None:
    """Ends the sessions of an account, but for ``keep``."""
    await database.execute(delete(Session).where(Session.account_id == account, Session.id != (keep or "")))


def set_cookie(response: web.Response, deps: Deps, token: str) -> None:
    response.set_cookie(
        cookie_name(deps),
        token,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=deps.secure,
        httponly=True,
        samesite="Lax",
    )


def clear_cookie(response: web.Response, deps: Deps) -> None:
    response.del_cookie(cookie_name(deps), path="/", secure=deps.secure, httponly=True, samesite="Lax")
