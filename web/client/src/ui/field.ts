/** What a `Field` tells the input inside it: its id, what describes it, whether it is wrong. */
import { getContext, setContext } from "svelte"

export interface Wiring {
  readonly id: string
  readonly describedBy: string | undefined
  readonly invalid: boolean
  readonly warned: boolean
}

const KEY = Symbol("field")

export const wire = (wiring: Wiring): Wiring => setContext(KEY, wiring)

/** The wiring of the `Field` around, if there is one. */
export const wired = (): Wiring | undefined => getContext<Wiring | undefined>(KEY)
