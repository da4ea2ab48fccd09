"""The directory of units (danh bạ đơn vị)."""

from __future__ import annotations

from datetime import date

from aiohttp import web
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.errors import Invalid, NotFound, Refused
from meetings.tables import Meeting, Person, Site, Unit
from web.doors import allowed, deps, parse, reply, signed_in
from web.models.units import SaveUnit, UnitView

routes = web.RouteTableDef()


def view(row: Unit, people: int) -> UnitView:
    return UnitView(
        id=row.id,
        parent=row.parent_id,
        name=row.name,
        short_name=row.short_name,
        symbol=row.symbol,
        place=row.place,
        email=row.email,
        effective_from=row.effective_from.isoformat() if row.effective_from else None,
        effective_to=row.effective_to.isoformat() if row.effective_to else None,
        people=people,
    )


async def fill(database: AsyncSession, row: Unit, given: SaveUnit) -> None:
    """Raises ``Invalid`` for dates that are none or out of order, ``NotFound`` for an unknown parent, and ``Invalid``
    *unit_cycle* when a unit would stand under itself.
    """
    first, last = _day(given.effective_from, "effective_from"), _day(given.effective_to, "effective_to")
    if first and last and last < first:
        raise Invalid("ends_before_start", field="effective_to")
    above = given.parent
    while above is not None:
        if above == row.id:
            raise Invalid("unit_cycle", field="parent")
        parent = await database.get(Unit, above)
        if parent is None:
            raise NotFound("unit_unknown")
        above = parent.parent_id
    row.parent_id, row.name, row.short_name, row.symbol = given.parent, given.name, given.short_name, given.symbol
    row.place, row.email, row.effective_from, row.effective_to = given.place, given.email, first, last


def _day(text: str | None, field: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid("invalid", field=field, reason="no such day") from None


async def _unit(database: AsyncSession, unit: str) -> Unit:
    row = await database.get(Unit, unit)
    if row is None:
        raise NotFound("unit_unknown")
    return row


async def _people(database: AsyncSession) -> dict[str | None, int]:
    counted = await database.execute(
        select(Person.unit_id, func.count()).where(Person.archived.is_(False)).group_by(Person.unit_id)
    )
    return {row[0]: row[1] for row in counted}


@routes.get("/api/units")
async def index(request: web.Request) -> web.Response:
    await signed_in(request)
    async with deps(request).database.begin() as database:
        people = await _people(database)
        rows = await database.scalars(select(Unit).order_by(Unit.name))
        return reply([view(row, people.get(row.id, 0)) for row in rows])


@routes.post("/api/units")
async def create(request: web.Request) -> web.Response:
    await allowed(request, "manage_units")
    given = await parse(request, SaveUnit)
    async with deps(request).database.begin() as database:
        row = Unit()
        await fill(database, row, given)
        database.add(row)
        await database.flush()
        return reply(view(row, 0), status=201)


@routes.put("/api/units/{id}")
async def save(request: web.Request) -> web.Response:
    await allowed(request, "manage_units")
    given = await parse(request, SaveUnit)
    async with deps(request).database.begin() as database:
        row = await _unit(database, request.match_info["id"])
        await fill(database, row, given)
        people = await _people(database)
        return reply(view(row, people.get(row.id, 0)))


@routes.delete("/api/units/{id}")
async def remove(request: web.Request) -> web.Response:
    """Only a unit that nothing rests on; another gets an end date, for past meetings name it."""
    await allowed(request, "manage_units")
    async with deps(request).database.begin() as database:
        row = await _unit(database, request.match_info["id"])
        for used in (
            select(Person.id).where(Person.unit_id == row.id),
            select(Site.id).where(Site.unit_id == row.id),
            select(Meeting.id).where(Meeting.unit_id == row.id),
            select(Unit.id).where(or_(Unit.parent_id == row.id, Unit.predecessor_id == row.id)),
        ):
            if await database.scalar(used.limit(1)) is not None:
                raise Refused("unit_in_use", name=row.name)
        await database.delete(row)
    return web.Response(status=204)
