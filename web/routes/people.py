"""The people of the units. Mail addresses and telephone numbers are shown only to who convenes."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from meetings.errors import NotFound
from meetings.tables import Person, Site, Unit
from web.doors import allowed, deps, parse, reply, signed_in
from web.models.units import PersonView, SavePerson
from web.tables import Account

routes = web.RouteTableDef()


def view(row: Person, contact: bool) -> PersonView:
    return PersonView(
        id=row.id,
        unit=row.unit_id,
        unit_name=row.unit.name if row.unit else "",
        name=row.name,
        title=row.title,
        email=row.email if contact else "",
        phone=row.phone if contact else "",
    )


async def _person(database: AsyncSession, person: str) -> Person:
    row = await database.scalar(
        select(Person)
        .where(Person.id == person, Person.archived.is_(False))
        .options(joinedload(Person.unit))
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound("person_unknown")
    return row


async def _fill(database: AsyncSession, row: Person, given: SavePerson) -> None:
    if given.unit is not None and await database.get(Unit, given.unit) is None:
        raise NotFound("unit_unknown")
    row.unit_id, row.name, row.title = given.unit, given.name, given.title
    row.email, row.phone = given.email, given.phone
    database.add(row)
    await database.flush()


@routes.get("/api/people")
async def index(request: web.Request) -> web.Response:
    """Everybody, or one unit's people (``?unit=``); who was archived is left out."""
    identity = await signed_in(request)
    contact = identity.may("convene")
    question = select(Person).where(Person.archived.is_(False)).options(joinedload(Person.unit)).order_by(Person.name)
    if unit := request.query.get("unit"):
        question = question.where(Person.unit_id == unit)
    async with deps(request).database.begin() as database:
        return reply([view(row, contact) for row in await database.scalars(question)])


@routes.post("/api/people")
async def create(request: web.Request) -> web.Response:
    await allowed(request, "manage_units")
    given = await parse(request, SavePerson)
    async with deps(request).database.begin() as database:
        row = Person()
        await _fill(database, row, given)
        return reply(view(await _person(database, row.id), True), status=201)


@routes.put("/api/people/{id}")
async def save(request: web.Request) -> web.Response:
    await allowed(request, "manage_units")
    given = await parse(request, SavePerson)
    async with deps(request).database.begin() as database:
        row = await _person(database, request.match_info["id"])
        await _fill(database, row, given)
        return reply(view(await _person(database, row.id), True))


@routes.delete("/api/people/{id}")
async def remove(request: web.Request) -> web.Response:
    """Who was invited somewhere or has an account is archived, for past meetings name them; others are forgotten."""
    await allowed(request, "manage_units")
    async with deps(request).database.begin() as database:
        row = await _person(database, request.match_info["id"])
        invited = await database.scalar(select(Site.id).where(Site.person_id == row.id).limit(1))
        account = await database.scalar(select(Account.id).where(Account.person_id == row.id).limit(1))
        if invited or account:
            row.archived = True
        else:
            await database.delete(row)
    return web.Response(status=204)
