/** The form of *Soạn cuộc họp*: what is typed, between the meeting as read and the meeting as saved. */
import type { MeetingDetail, PersonView, SaveMeeting, SiteDetail, UnitView } from "../../api"
import { clock, dayOf, momentOf, type Day } from "../../ui/time"

export type Role = SiteDetail["role"]

export interface SiteRow {
  /** Holds the row together while it has no id yet. */
  readonly key: string
  id: string | null
  role: Role
  unit: string | null
  person: string | null
  name: string
  person_name: string
  person_title: string
  email: string
}

export interface ItemRow {
  readonly key: string
  id: string | null
  title: string
  minutes: number
  presenter: string | null
}

export interface Form {
  title: string
  unit: string | null
  day: Day | null
  from: string | null
  to: string | null
  regime: MeetingDetail["regime"]
  kind: MeetingDetail["kind"]
  classification: MeetingDetail["classification"]
  urgent: boolean
  place: string
  request: string
  contact: string
  signer_title: string
  signer_name: string
  turn_minutes: number
  microphones: MeetingDetail["microphones"]
  lobby: boolean
  agenda: ItemRow[]
  sites: SiteRow[]
}

let keys = 0
export const newKey = (): string => `row-${++keys}`

export function fromDetail(meeting: MeetingDetail): Form {
  return {
    title: meeting.title,
    unit: meeting.unit,
    day: meeting.starts_at ? dayOf(meeting.starts_at) : null,
    from: meeting.starts_at ? clock(meeting.starts_at) : null,
    to: meeting.ends_at ? clock(meeting.ends_at) : null,
    regime: meeting.regime,
    kind: meeting.kind,
    classification: meeting.classification,
    urgent: meeting.urgent,
    place: meeting.place,
    request: meeting.request,
    contact: meeting.contact,
    signer_title: meeting.signer_title,
    signer_name: meeting.signer_name,
    turn_minutes: meeting.turn_minutes,
    microphones: meeting.microphones,
    lobby: meeting.lobby,
    agenda: meeting.agenda.map(({ id, title, minutes, presenter }) => ({
      key: newKey(),
      id,
      title,
      minutes,
      presenter,
    })),
    sites: meeting.sites.map((site) => ({
      key: newKey(),
      id: site.id,
      role: site.role,
      unit: site.unit,
      person: site.person,
      name: site.name,
      person_name: site.person_name,
      person_title: site.person_title,
      email: site.email,
    })),
  }
}

/** The beginning or the end; an end that is earlier on the clock falls on the same day and is refused by `endsEarly`. */
const at = (day: Day | null, time: string | null): string | null => (day && time ? momentOf(day, time) : null)

export const startsAt = (form: Form): string | null => at(form.day, form.from)
export const endsAt = (form: Form): string | null => at(form.day, form.to)
export const endsEarly = (form: Form): boolean =>
  form.from !== null && form.to !== null && form.to <= form.from

export function toBody(form: Form, revision: number): SaveMeeting {
  const { day: _day, from: _from, to: _to, agenda, sites, ...plain } = form
  return {
    ...plain,
    revision,
    starts_at: startsAt(form),
    ends_at: endsAt(form),
    agenda: agenda.map(({ key: _key, ...item }) => item),
    sites: sites.map(({ key: _key, ...site }) => site),
  }
}

export const chairOf = (form: Form): SiteRow | undefined => form.sites.find((site) => site.role === "chair")
export const secretaryOf = (form: Form): SiteRow | undefined =>
  form.sites.find((site) => site.role === "secretary")

const called = (unit: UnitView | undefined): string => unit?.short_name || unit?.name || ""

/** A new site for a whole unit; its only person is written down at once. */
export function siteOfUnit(unit: UnitView, people: readonly PersonView[]): SiteRow {
  const there = people.filter((person) => person.unit === unit.id)
  const alone = there.length === 1 ? there[0] : undefined
  return {
    key: newKey(),
    id: null,
    role: "delegate",
    unit: unit.id,
    person: alone?.id ?? null,
    name: called(unit),
    person_name: alone?.name ?? "",
    person_title: alone?.title ?? "",
    email: alone?.email || unit.email,
  }
}

export function siteOfPerson(
  person: PersonView,
  units: readonly UnitView[],
  role: Role = "delegate",
): SiteRow {
  const unit = units.find(({ id }) => id === person.unit)
  return {
    key: newKey(),
    id: null,
    role,
    unit: person.unit,
    person: person.id,
    name: called(unit) || person.name,
    person_name: person.name,
    person_title: person.title,
    email: person.email || unit?.email || "",
  }
}

/** Seats a person in a role that only one site has: whoever had it becomes a delegate, if the seat names a person. */
export function seat(
  form: Form,
  person: PersonView,
  units: readonly UnitView[],
  role: "chair" | "secretary",
): void {
  const holder = form.sites.find((site) => site.role === role)
  if (holder?.person === person.id) return
  if (holder) holder.role = "delegate"
  const known = form.sites.find((site) => site.person === person.id)
  if (known) known.role = role
  else
    form.sites.splice(
      role === "chair" ? 0 : Math.min(1, form.sites.length),
      0,
      siteOfPerson(person, units, role),
    )
}

/** `title, name` as papers and lists write a person. */
export const person = (site: { person_name: string; person_title: string }): string =>
  [site.person_title, site.person_name].filter(Boolean).join(" ")
