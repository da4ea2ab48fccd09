/** The cameras beside the stage, in pages of as many as the strip has tiles. Pure. */

import { onStage, present, TILES, type RoomState } from "./state"

/** Whose pictures the strip can show, in the order of the invitation: as the relay gives the tiles to all. */
export function others(state: RoomState): string[] {
  const stage = onStage(state)
  const hidden = stage !== null && stage === state.share ? null : stage
  return Object.values(state.sites)
    .filter((site) => present(site) && site.devices.camera && site.id !== state.me && site.id !== hidden)
    .map((site) => site.id)
}

/** Lays who is there now on the places of before: who stays keeps the place, who is new takes one that is free. */
export function settle(before: readonly string[], now: readonly string[]): string[] {
  const here = new Set(now)
  const known = new Set(before)
  const fresh = now.filter((id) => !known.has(id))
  const places = before.map((id) => (here.has(id) ? id : fresh.shift()))
  const settled = [...places, ...fresh]
  for (let place = 0; place < settled.length; place++) {
    while (settled.length > place && settled.at(-1) === undefined) settled.pop()
    if (place < settled.length && settled[place] === undefined) settled[place] = settled.pop()
  }
  return settled as string[]
}

/** Deals the pages out. The first is the one that all have; on the others nobody changes place without need. */
export class Pages {
  #later: string[] = []

  deal(now: readonly string[]): string[][] {
    this.#later = settle(this.#later, now.slice(TILES.length))
    const pages = [now.slice(0, TILES.length)]
    for (let at = 0; at < this.#later.length; at += TILES.length)
      pages.push(this.#later.slice(at, at + TILES.length))
    return pages
  }
}
