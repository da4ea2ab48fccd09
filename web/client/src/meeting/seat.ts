/** What a reload needs to come straight back into the Room: kept for this tab only, never the microphone's state. */

export interface Seat {
  person: string
  people: number
  listenOnly: boolean
  acknowledged: boolean
  consents: boolean
  camera: boolean
}

const key = (ticket: string) => `nghisu.seat.${ticket.slice(-24)}`

export function keepSeat(ticket: string, seat: Seat): void {
  sessionStorage.setItem(key(ticket), JSON.stringify(seat))
}

export function keptSeat(ticket: string): Seat | null {
  const kept = sessionStorage.getItem(key(ticket))
  try {
    return kept === null ? null : (JSON.parse(kept) as Seat)
  } catch {
    return null
  }
}

export function leaveSeat(ticket: string): void {
  sessionStorage.removeItem(key(ticket))
}
