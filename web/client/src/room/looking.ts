import { getContext, setContext } from "svelte"
import type { Looking } from "../meeting/looking.svelte"

const KEY = Symbol("looking")

export const provideLooking = (looking: Looking): Looking => setContext(KEY, looking)
export const useLooking = (): Looking => getContext<Looking>(KEY)
