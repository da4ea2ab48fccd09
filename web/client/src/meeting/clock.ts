/** The server's clock as seen from here, so that every site counts the same seconds. */

let offset = 0
let spread = Infinity

/** Notes that the server said `now` (ISO 8601) between `asked` and `answered` (ms, this browser). The tightest wins. */
export function synchronise(now: string, asked: number, answered: number): void {
  const trip = answered - asked
  if (trip > spread) return
  spread = trip
  offset = Date.parse(now) - (asked + answered) / 2
}

/** Milliseconds since the epoch by the server's clock. */
export function serverNow(): number {
  return Date.now() + offset
}

/** Whole seconds from `since` (ISO 8601) to `now` (ms), never below zero. */
export function elapsed(since: string, now: number): number {
  return Math.max(0, Math.floor((now - Date.parse(since)) / 1000))
}
