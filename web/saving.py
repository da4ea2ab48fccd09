"""The form of *Soạn cuộc họp* written into rows: one save is the whole form, ids say what stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from meetings.convene import check_classification, check_editable, check_times
from meetings.errors import Conflict, Invalid
from meetings.meeting import State
from meetings.tables import AgendaItem, Meeting, Person, Site, Unit
from web.models.meetings import AgendaItemBody, SaveMeeting, SiteBody


async def save(database: AsyncSession, row: Meeting, given: SaveMeeting, now: datetime) -> bool:
    """Writes the form into a meeting that ``meetings.queries.whole`` read for change. Tells whether anything changed.

    Raises ``WrongMoment`` *meeting_not_editable*, ``Conflict`` when somebody saved in between, ``Refused``
    *classification_refused*, ``Invalid`` *ends_before_start* and for ids that are not known.
    """
    check_editable(State(row.state))
    if given.revision != row.revision:
        raise Conflict("conflict", revision=row.revision)
    check_classification(given.classification)
    starts_at, ends_at = _moment(given.starts_at, "starts_at"), _moment(given.ends_at, "ends_at")
    check_times(starts_at, ends_at)
    said, settings = _invitation(row), _settings(row)
    people = await _people(database, [site.person for site in given.sites])
    theirs = (person.unit_id for person in people.values())
    units = await _units(database, [given.unit, *(site.unit for site in given.sites), *theirs])

    row.title, row.unit_id, row.starts_at, row.ends_at = given.title.strip(), given.unit, starts_at, ends_at
    row.unit = units[given.unit] if given.unit else None
    row.regime, row.kind, row.classification = given.regime, given.kind, given.classification
    row.urgent, row.place, row.request, row.contact = given.urgent, given.place, given.request, given.contact
    row.signer_title, row.signer_name = given.signer_title, given.signer_name
    row.turn_minutes, row.microphones, row.lobby = given.turn_minutes, given.microphones, given.lobby
    await _save_sites(database, row, given.sites, units, people)
    _save_agenda(row, given.agenda)
    await database.flush()

    if said == _invitation(row) and settings == _settings(row):
        return False
    if said != _invitation(row):
        row.changed_at = now
    row.revision += 1
    return True


async def _save_sites(
    database: AsyncSession,
    row: Meeting,
    given: Sequence[SiteBody],
    units: Mapping[str, Unit],
    people: Mapping[str, Person],
) -> None:
    before = {site.id: site for site in row.sites}
    ids = [body.id for body in given if body.id is not None]
    if unknown := set(ids) - set(before):
        raise Invalid("site_unknown", site=min(unknown))
    if len(ids) != len(set(ids)):
        raise Invalid("invalid", field="sites", reason="a site stands twice")
    if [site.id for site in row.sites] != [body.id for body in given]:
        # Numbers are unique: the old ones step aside before the new order is written.
        for site in row.sites:
            site.number = -site.number
        await database.flush()
    after: list[Site] = []
    for number, body in enumerate(given, 1):
        site = before[body.id] if body.id else Site(meeting_id=row.id, answer="none", ticket_serial=1)
        person = people[body.person] if body.person else None
        _fill_site(site, body, units, person)
        site.number = number
        after.append(site)
    row.sites = after


def _fill_site(site: Site, body: SiteBody, units: Mapping[str, Unit], person: Person | None) -> None:
    """Empty fields come from the directory. Another person or address at a site voids its ticket and its answer; a
    name spelt better does not.
    """
    unit_id = body.unit or (person.unit_id if person else None)
    unit = units[unit_id] if unit_id else None
    email = body.email or (person.email if person else "") or (unit.email if unit else "")
    name = body.person_name.strip() or (person.name if person else "")
    other = site.person_id != body.person and site.person_name != name
    if site.id and (other or site.email != email):
        site.ticket_serial += 1
        site.answer, site.substitute_name, site.answer_note, site.answered_at = "none", "", "", None
    site.role, site.unit_id, site.person_id, site.email = body.role, unit_id, body.person, email
    site.person_name = name
    site.person_title = body.person_title.strip() or (person.title if person and not body.person_name else "")
    site.name = body.name.strip() or (unit.name if unit else "") or site.person_name


def _save_agenda(row: Meeting, given: Sequence[AgendaItemBody]) -> None:
    before = {item.id: item for item in row.agenda}
    ids = [body.id for body in given if body.id is not None]
    if unknown := set(ids) - set(before):
        raise Invalid("item_unknown", item=min(unknown))
    if len(ids) != len(set(ids)):
        raise Invalid("invalid", field="agenda", reason="an item stands twice")
    sites = {site.id for site in row.sites}
    after: list[AgendaItem] = []
    for number, body in enumerate(given, 1):
        item = before[body.id] if body.id else AgendaItem(meeting_id=row.id)
        item.number, item.title, item.minutes = number, body.title.strip(), body.minutes
        item.presenter = body.presenter if body.presenter in sites else None
        after.append(item)
    row.agenda = after


async def _units(database: AsyncSession, ids: Sequence[str | None]) -> dict[str, Unit]:
    wanted = {i for i in ids if i is not None}
    found = {unit.id: unit for unit in await database.scalars(select(Unit).where(Unit.id.in_(wanted)))}
    if lacking := wanted - set(found):
        raise Invalid("unit_unknown", unit=min(lacking))
    return found


async def _people(database: AsyncSession, ids: Sequence[str | None]) -> dict[str, Person]:
    wanted = {i for i in ids if i is not None}
    found = {person.id: person for person in await database.scalars(select(Person).where(Person.id.in_(wanted)))}
    if lacking := wanted - set(found):
        raise Invalid("person_unknown", person=min(lacking))
    return found


def _moment(text: str | None, field: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid("invalid", field=field, reason="no such moment") from None
    if moment is not None and moment.tzinfo is None:
        raise Invalid("invalid", field=field, reason="a moment needs an offset")
    return moment


def _invitation(row: Meeting) -> tuple[object, ...]:
    """What an invitation or a Room says of the meeting."""
    return (
        row.title, row.unit_id, row.starts_at, row.ends_at, row.regime, row.kind, row.urgent, row.place, row.request,
        row.contact, row.signer_title, row.signer_name,
        tuple((i.id, i.number, i.title, i.minutes, i.presenter) for i in row.agenda),
        tuple(
            (s.id, s.number, s.role, s.unit_id, s.person_id, s.name, s.person_name, s.person_title, s.email)
            for s in row.sites
        ),
    )  # fmt: skip


def _settings(row: Meeting) -> tuple[object, ...]:
    return (row.classification, row.turn_minutes, row.microphones, row.lobby)
