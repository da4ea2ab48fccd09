"""Accounts, for administrators. Nobody knows another's password: accounts are opened and reset by one-time links."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from meetings.access import Office
from meetings.errors import Conflict, NotFound, Refused
from meetings.tables import Person, Unit
from web import links, sessions
from web.doors import allowed, deps, parse, reply
from web.models.accounts import AccountView, AccountWithLink, ChangeAccount, NewAccount
from web.tables import Account

routes = web.RouteTableDef()

_WHOLE = joinedload(Account.person).joinedload(Person.unit)


def view(row: Account) -> AccountView:
    unit = row.person.unit if row.person else None
    return AccountView(
        id=row.id,
        username=row.username,
        name=row.name,
        office=Office(row.office),
        person=row.person_id,
        unit_name=unit.name if unit else "",
        disabled=row.disabled,
        active=row.password_hash is not None,
        seen_at=row.seen_at.isoformat() if row.seen_at else None,
    )


async def _account(database: AsyncSession, account: str) -> Account:
    row = await database.scalar(
        select(Account).where(Account.id == account).options(_WHOLE).with_for_update(of=Account)
    )
    if row is None:
        raise NotFound("account_unknown")
    return row


@routes.get("/api/accounts")
async def index(request: web.Request) -> web.Response:
    await allowed(request, "manage_accounts")
    async with deps(request).database.begin() as database:
        rows = await database.scalars(select(Account).options(_WHOLE).order_by(Account.username))
        return reply([view(row) for row in rows])


@routes.post("/api/accounts")
async def create(request: web.Request) -> web.Response:
    await allowed(request, "manage_accounts")
    given = await parse(request, NewAccount)
    d = deps(request)
    async with d.database.begin() as database:
        if await database.scalar(select(Account.id).where(Account.username == given.username)):
            raise Conflict("username_taken", username=given.username)
        row = Account(
            username=given.username,
            name=given.name,
            office=given.office,
            person_id=await person_for(database, given),
            created_at=d.now(),
        )
        database.add(row)
        await database.flush()
        token, until = await links.for_account(database, row, d.now())
        row = await _account(database, row.id)
        return reply(AccountWithLink(view(row), links.address(d, token), until.isoformat()), status=201)


async def person_for(database: AsyncSession, given: NewAccount) -> str:
    """The known person of a new account, or one that is made for it."""
    if given.person is not None:
        if await database.get(Person, given.person) is None:
            raise NotFound("person_unknown")
        taken = await database.scalar(select(Account.username).where(Account.person_id == given.person))
        if taken is not None:
            raise Conflict("person_has_account", username=taken)
        return given.person
    if given.unit is not None and await database.get(Unit, given.unit) is None:
        raise NotFound("unit_unknown")
    person = Person(name=given.name, unit_id=given.unit, email=given.email)
    database.add(person)
    await database.flush()
    return person.id


@routes.put("/api/accounts/{id}")
async def change(request: web.Request) -> web.Response:
    """Disabling ends every session of the account at once; the last administrator stays."""
    await allowed(request, "manage_accounts")
    given = await parse(request, ChangeAccount)
    async with deps(request).database.begin() as database:
        row = await _account(database, request.match_info["id"])
        if given.office is not None:
            row.office = given.office
        if given.disabled is not None:
            row.disabled = given.disabled
        await database.flush()
        if not await links.has_administrator(database):
            raise Refused("last_administrator")
        if row.disabled:
            await sessions.revoke_all(database, row.id)
        return reply(view(row))


@routes.post("/api/accounts/{id}/link")
async def new_link(request: web.Request) -> web.Response:
    """A one-time link that activates the account or resets its password. The old password holds until it is used."""
    await allowed(request, "manage_accounts")
    d = deps(request)
    async with d.database.begin() as database:
        row = await _account(database, request.match_info["id"])
        if row.disabled:
            raise Refused("account_disabled", username=row.username)
        token, until = await links.for_account(database, row, d.now())
        return reply(AccountWithLink(view(row), links.address(d, token), until.isoformat()))
