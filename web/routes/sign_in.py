"""Signing in and out, and one's own sessions and password."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy import delete, select
from sqlalchemy.orm import joinedload

from meetings.access import OFFICE_MAY, Office
from meetings.errors import NotAllowed, NotFound
from meetings.tables import Person
from web import attempts, sessions
from web.deps import PASSWORDS
from web.doors import deps, parse, reply, signed_in
from web.errors import WrongCredentials
from web.models.accounts import ChangePassword, Me, SessionView, SignIn
from web.tables import Account, Session

routes = web.RouteTableDef()


async def me_of(request: web.Request, account: str) -> Me:
    async with deps(request).database.begin() as database:
        row = await database.scalar(
            select(Account).where(Account.id == account).options(joinedload(Account.person).joinedload(Person.unit))
        )
    if row is None:
        raise NotFound("account_unknown")
    person = row.person
    return Me(
        account=row.id,
        username=row.username,
        name=row.name,
        office=Office(row.office),
        person=row.person_id,
        unit=person.unit_id if person else None,
        unit_name=person.unit.name if person and person.unit else "",
        may=tuple(sorted(OFFICE_MAY[Office(row.office)])),
    )


@routes.get("/api/me")
async def me(request: web.Request) -> web.Response:
    return reply(await me_of(request, (await signed_in(request)).account))


@routes.post("/api/sign-in")
async def sign_in(request: web.Request) -> web.Response:
    given = await parse(request, SignIn)
    d, now = deps(request), deps(request).now()
    username = given.username.strip().lower()
    async with d.database.begin() as database:
        await attempts.count(database, username, request.remote or "", now)
    async with d.database.begin() as database:
        account = await database.scalar(select(Account).where(Account.username == username))
    passwords = request.app[PASSWORDS]
    kept = account.password_hash if account else None
    right = await passwords.verify(given.password, kept)
    if not right or account is None or kept is None or account.disabled:
        raise WrongCredentials
    renewed = await passwords.hash(given.password) if passwords.outdated(kept) else None
    async with d.database.begin() as database:
        account = await database.get_one(Account, account.id, with_for_update=True)
        if account.password_hash != kept or account.disabled:
            raise WrongCredentials
        account.password_hash = renewed or kept
        await attempts.forget(database, username)
        token = await sessions.start(database, account, request, now)
    response = reply(await me_of(request, account.id))
    sessions.set_cookie(response, d, token)
    return response


@routes.post("/api/sign-out")
async def sign_out(request: web.Request) -> web.Response:
    identity = await signed_in(request)
    async with deps(request).database.begin() as database:
        await database.execute(delete(Session).where(Session.id == identity.session))
    response = web.Response(status=204)
    sessions.clear_cookie(response, deps(request))
    return response


@routes.get("/api/me/sessions")
async def my_sessions(request: web.Request) -> web.Response:
    identity, now = await signed_in(request), deps(request).now()
    async with deps(request).database.begin() as database:
        rows = await database.scalars(
            select(Session).where(Session.account_id == identity.account).order_by(Session.seen_at.desc())
        )
        return reply(
            [
                SessionView(
                    id=row.id,
                    created_at=row.created_at.isoformat(),
                    seen_at=row.seen_at.isoformat(),
                    browser=row.browser,
                    address=row.address,
                    current=row.id == identity.session,
                )
                for row in rows
                if sessions.alive(row.created_at, row.seen_at, now)
            ]
        )


@routes.delete("/api/me/sessions/{id}")
async def end_session(request: web.Request) -> web.Response:
    identity = await signed_in(request)
    mine = Session.account_id == identity.account, Session.id == request.match_info["id"]
    async with deps(request).database.begin() as database:
        ended = await database.scalar(delete(Session).where(*mine).returning(Session.id))
    if ended is None:
        raise NotFound("session_unknown")
    response = web.Response(status=204)
    if ended == identity.session:
        sessions.clear_cookie(response, deps(request))
    return response


@routes.post("/api/me/password")
async def change_password(request: web.Request) -> web.Response:
    """Sets a new password; every other browser of the account is signed out."""
    identity = await signed_in(request)
    given = await parse(request, ChangePassword)
    d, passwords = deps(request), request.app[PASSWORDS]
    async with d.database.begin() as database:
        await attempts.count(database, identity.username, request.remote or "", d.now())
    async with d.database.begin() as database:
        kept = (await database.get_one(Account, identity.account)).password_hash
    if not await passwords.verify(given.current, kept):
        raise NotAllowed("wrong_password")
    hashed = await passwords.hash(given.new)
    async with d.database.begin() as database:
        account = await database.get_one(Account, identity.account, with_for_update=True)
        if account.password_hash != kept:
            raise NotAllowed("wrong_password")
        account.password_hash = hashed
        await attempts.forget(database, identity.username)
        await sessions.revoke_all(database, identity.account, keep=identity.session)
    return web.Response(status=204)
