/** One meeting that is being written: its form, its saving, and what the server says of it. */
import type { MeetingDetail, PersonView, UnitView } from "../../api"
import { get, post, Problem, put } from "../../ui/http"
import { Autosave } from "../autosave.svelte"
import { endsEarly, fromDetail, newKey, toBody, type Form, type ItemRow, type SiteRow } from "./form"

export class Editor {
  form: Form = $state()!
  meeting: MeetingDetail = $state.raw()!
  readonly saving: Autosave
  /** Sites that present an item again as soon as the server has given them an id. */
  #presenters: { site: string; item: string }[] = []

  constructor(
    meeting: MeetingDetail,
    readonly units: readonly UnitView[],
    readonly people: readonly PersonView[],
  ) {
    this.meeting = meeting
    this.form = fromDetail(meeting)
    this.saving = new Autosave(() => this.#save())
  }

  /** Why the form is held back: it says something that is never saved. */
  get heldBack(): "classification" | "times" | undefined {
    if (this.form.classification !== "ordinary") return "classification"
    return endsEarly(this.form) ? "times" : undefined
  }

  touch = (): void => this.saving.touch()

  /** Takes a site out, also as a presenter; answers how to put both back. */
  removeSite(row: SiteRow): () => void {
    const at = this.form.sites.findIndex((site) => site.key === row.key)
    const [taken] = this.form.sites.splice(at, 1)
    const presented = this.form.agenda.filter(({ presenter }) => presenter !== null && presenter === row.id)
    for (const item of presented) item.presenter = null
    this.touch()
    return () => {
      const back = { ...taken!, id: this.#kept(taken!.id), key: newKey() }
      this.form.sites.splice(at, 0, back)
      this.#presenters.push(...presented.map(({ key }) => ({ site: back.key, item: key })))
      this.#present()
      this.touch()
    }
  }

  /** Takes an item out; answers how to put it back. */
  removeItem(row: ItemRow): () => void {
    const at = this.form.agenda.findIndex((item) => item.key === row.key)
    const [taken] = this.form.agenda.splice(at, 1)
    this.touch()
    return () => {
      this.form.agenda.splice(at, 0, { ...taken!, id: this.#kept(taken!.id), key: newKey() })
      this.touch()
    }
  }

  /** Sends the invitation once all is saved. Throws the `Problem` of either. */
  async invite(): Promise<MeetingDetail> {
    if (!(await this.saving.flush())) throw this.saving.problem ?? new Problem("conflict")
    this.meeting = await post<MeetingDetail>(`/meetings/${this.meeting.id}/invite`)
    return this.meeting
  }

  /** After somebody else saved first: their form, or this one on top of theirs. */
  async resolve(mine: boolean): Promise<void> {
    this.meeting = await get<MeetingDetail>(`/meetings/${this.meeting.id}`)
    if (!mine) this.form = fromDetail(this.meeting)
    else this.#forgetLost()
    this.saving.resolve(mine)
  }

  async #save(): Promise<void> {
    if (this.heldBack) throw new Problem(`held_back_${this.heldBack}`)
    const body = toBody(this.form, this.meeting.revision)
    const sites = this.form.sites.map(({ key }) => key)
    const items = this.form.agenda.map(({ key }) => key)
    this.meeting = await put<MeetingDetail>(`/meetings/${this.meeting.id}`, body)
    adopt(this.form.sites, sites, this.meeting.sites)
    adopt(this.form.agenda, items, this.meeting.agenda)
    if (this.#present()) this.touch()
  }

  /** The id of a row that was taken out, while the server still has it. */
  #kept(id: string | null): string | null {
    return [...this.meeting.sites, ...this.meeting.agenda].some((row) => row.id === id) ? id : null
  }

  /** Names the presenters whose id is known by now. Answers whether there were any. */
  #present(): boolean {
    const before = this.#presenters.length
    this.#presenters = this.#presenters.filter(({ site, item }) => {
      const id = this.form.sites.find(({ key }) => key === site)?.id
      const row = this.form.agenda.find(({ key }) => key === item)
      if (id && row) row.presenter = id
      return !id
    })
    return this.#presenters.length < before
  }

  /** Rows that are gone at the server are written as new ones. */
  #forgetLost(): void {
    const known = new Set([...this.meeting.sites, ...this.meeting.agenda].map(({ id }) => id))
    for (const row of [...this.form.sites, ...this.form.agenda])
      if (row.id && !known.has(row.id)) row.id = null
  }
}

/** Gives the rows that were sent the ids that the server gave them, by their order. */
function adopt(
  rows: { key: string; id: string | null }[],
  sent: readonly string[],
  saved: readonly { id: string }[],
): void {
  const ids = new Map(sent.map((key, at) => [key, saved[at]?.id ?? null]))
  for (const row of rows) if (row.id === null) row.id = ids.get(row.key) ?? null
}
