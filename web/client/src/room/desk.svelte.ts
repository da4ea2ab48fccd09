/** What is open on this desk: dialogs and the forms that several places open. */

import { getContext, setContext } from "svelte"
import { t } from "../i18n/locale"
import type { Visit } from "../meeting/visit.svelte"
import { say } from "../ui/toasts.svelte"

const KEY = Symbol("desk")
const UNDO_MS = 8000

export class Desk {
  dialog: "roster" | "settings" | "figures" | "leave" | "conclude" | null = $state(null)
  selfView = $state(true)
  /** The note of the next mark. */
  note = $state("")
  /** What was taken away and may still come back: not shown, not yet said to the Room. */
  hidden: string[] = $state([])
  #visit: Visit
  #pending = new Map<string, () => void>()

  constructor(visit: Visit) {
    this.#visit = visit
    addEventListener("pagehide", () => this.#settle())
  }

  /** Marks this moment with the note that stands ready. */
  async mark(): Promise<void> {
    if (!(await this.#visit.act({ act: "mark", note: this.note.trim() }))) return
    this.note = ""
    this.#visit.announcer.tell(t("room.mark.set"))
  }

  /** Opens the form, or goes to it where it stands open. */
  conclude(): void {
    const standing = document.getElementById("conclude-task")
    if (standing) standing.focus()
    else this.dialog = "conclude"
  }

  /** Takes something away for the eye at once, and for the Room after 8 s unless it is undone. */
  takeAway(id: string, sentence: string, act: () => void): void {
    this.hidden.push(id)
    const settle = () => {
      clearTimeout(timer)
      this.#pending.delete(id)
      act()
    }
    const timer = setTimeout(settle, UNDO_MS)
    this.#pending.set(id, settle)
    say(sentence, {
      undo: () => {
        clearTimeout(timer)
        this.#pending.delete(id)
        this.hidden = this.hidden.filter((other) => other !== id)
      },
    })
  }

  #settle(): void {
    for (const settle of this.#pending.values()) settle()
  }
}

export const provideDesk = (desk: Desk): Desk => setContext(KEY, desk)
export const useDesk = (): Desk => getContext<Desk>(KEY)
