/** The server's time as state, moved once a second: what counts on the screen counts by this. */

import { serverNow } from "./clock"

export const ticker = $state({ now: serverNow() })

setInterval(() => (ticker.now = serverNow()), 1000)

/** Moves the time at once, after the clock was set by the server's. */
export function tickNow(): void {
  ticker.now = serverNow()
}
