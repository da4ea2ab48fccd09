/** The visit of this page, for every view. */

import { getContext, setContext } from "svelte"
import type { RoomState } from "../meeting/state"
import type { Visit } from "../meeting/visit.svelte"

const KEY = Symbol("visit")

export const provide = (visit: Visit): Visit => setContext(KEY, visit)
export const useVisit = (): Visit => getContext<Visit>(KEY)

/** The name of a site, with *(bạn)* where it is one's own. */
export const siteName = (room: RoomState, site: string | null): string =>
  (site && room.sites[site]?.name) || (site ?? "")
