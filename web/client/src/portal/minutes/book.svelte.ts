/** The minutes of one meeting while they are worked on: text, saving, and the way to the signature. */
import type { Content, MinutesView, Paragraph } from "../../api"
import { get, post, Problem, put } from "../../ui/http"
import { Autosave } from "../autosave.svelte"

export class Book {
  content: Content = $state()!
  view: MinutesView = $state.raw()!
  readonly saving: Autosave
  readonly #address: string

  constructor(view: MinutesView) {
    this.#address = `/meetings/${view.meeting}/minutes`
    this.view = view
    this.content = structuredClone(view.content)
    this.saving = new Autosave(() => this.#save())
  }

  get editable(): boolean {
    return this.view.may_edit
  }

  touch = (): void => {
    if (this.editable) this.saving.touch()
  }

  /** The numbers that tie paragraphs to their evidence, in the order of the paper. */
  get references(): Map<number, number> {
    const numbers = new Map<number, number>()
    for (const section of this.content.sections)
      for (const paragraph of section.paragraphs)
        for (const seq of paragraph.evidence ?? []) if (!numbers.has(seq)) numbers.set(seq, numbers.size + 1)
    return numbers
  }

  add(section: number): Paragraph {
    const paragraph: Paragraph = {
      id: crypto.randomUUID(),
      kind: "text",
      text: "",
      evidence: [],
      at: null,
      film: null,
    }
    this.content.sections[section]?.paragraphs.push(paragraph)
    this.touch()
    return paragraph
  }

  /** Takes a paragraph out; answers how to put it back. */
  remove(section: number, at: number): () => void {
    const paragraphs = this.content.sections[section]!.paragraphs
    const [taken] = paragraphs.splice(at, 1)
    this.touch()
    return () => {
      paragraphs.splice(at, 0, taken!)
      this.touch()
    }
  }

  /** Submits or approves the text as it stands. Throws the `Problem`. */
  async act(what: "submit" | "approve"): Promise<void> {
    if (!(await this.saving.flush())) throw this.saving.problem ?? new Problem("conflict")
    this.#take(await post<MinutesView>(`${this.#address}/${what}`, { revision: this.view.revision }))
  }

  async giveBack(reason: string): Promise<void> {
    this.#take(await post<MinutesView>(`${this.#address}/return`, { reason }))
  }

  /** After somebody else saved first. */
  async resolve(mine: boolean): Promise<void> {
    const latest = await get<MinutesView>(this.#address)
    if (mine) this.view = latest
    else this.#take(latest)
    this.saving.resolve(mine)
  }

  #take(view: MinutesView): void {
    this.view = view
    this.content = structuredClone(view.content)
  }

  async #save(): Promise<void> {
    const content = $state.snapshot(this.content)
    this.view = await put<MinutesView>(this.#address, { revision: this.view.revision, content })
  }
}
