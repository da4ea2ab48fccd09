/** The server's time: this browser's clock, corrected by what the server last said. */
let offset = 0
let shown = $state(Date.now())

setInterval(() => (shown = Date.now() + offset), 1000)

export const clock = {
  /** Milliseconds since 1970, moving once a second. */
  get now(): number {
    return shown
  },
  set(server: string): void {
    offset = new Date(server).getTime() - Date.now()
    shown = Date.now() + offset
  },
}
