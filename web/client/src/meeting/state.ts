/** The Room as one browser knows it: the server's snapshot, kept true by its letters. Pure, no sockets, no clock. */

import type { AnyMessage, ItemView, Posted, SiteView, Snapshot } from "../protocol"

export interface RoomState extends Snapshot {
  /** Site shown in each receiving slot; `null` is an empty slot. Of the moment. */
  shows: Record<string, string | null>
  /** Sites that are heard now, loudest first. Of the moment. */
  speaking: string[]
  /** Whether a relay carries media at this moment. */
  relay: "ready" | "lost"
}

export interface Heard {
  state: RoomState
  /** A letter is missing: ask for the whole snapshot again. */
  gap: boolean
}

/** The state right after `enter` or `resync`; what is of the moment goes on from `earlier`. */
export function begin(snapshot: Snapshot, earlier?: RoomState): RoomState {
  return {
    ...snapshot,
    shows: earlier?.shows ?? {},
    speaking: earlier?.speaking ?? [],
    relay: earlier?.relay ?? "ready",
  }
}

/** Applies one posted letter. One that only repeats what is known changes nothing of the log's part. */
export function hear(state: RoomState, posted: Posted): Heard {
  if (posted.seq === null) return { state: posted.messages.reduce(apply, state), gap: false }
  if (posted.seq <= state.seq) return { state, gap: false }
  if (posted.after !== null && posted.after > state.seq) return { state, gap: true }
  return { state: { ...posted.messages.reduce(apply, state), seq: posted.seq }, gap: false }
}

function apply(state: RoomState, message: AnyMessage): RoomState {
  switch (message.kind) {
    case "meeting_changed":
      return { ...state, meeting: message.meeting }
    case "sites_changed":
      return { ...state, sites: { ...state.sites, ...message.sites } }
    case "agenda_changed":
      return { ...state, current_item: message.current_item, agenda: message.agenda }
    case "floor_changed":
      return { ...state, floor: message.floor }
    case "share_changed":
      return { ...state, share: message.share }
    case "recording_changed":
      return { ...state, recording: message.recording }
    case "conclusions_changed":
      return { ...state, conclusions: message.conclusions }
    case "marks_changed":
      return { ...state, marks: message.marks }
    case "timeline_grew":
      return { ...state, timeline: grow(state.timeline, message.entries) }
    case "slot_changed":
      return { ...state, shows: { ...state.shows, ...message.slots } }
    case "speaking":
      return { ...state, speaking: message.sites }
    case "media_lost":
      return { ...state, relay: "lost", shows: {}, speaking: [] }
    case "media_ready":
      return { ...state, relay: "ready" }
    case "seated":
    case "send_encodings":
    case "turned_away":
    case "invited_to_speak":
      return state
  }
}

function grow(known: Snapshot["timeline"], entries: Snapshot["timeline"]): Snapshot["timeline"] {
  const last = known.at(-1)?.seq ?? 0
  return [...known, ...entries.filter((entry) => entry.seq > last)]
}

/** My own site. */
export function mine(state: RoomState): SiteView | undefined {
  return state.sites[state.me]
}

/** Whether a site counts as present: seated, or away for less than the grace. */
export function present(site: SiteView): boolean {
  return site.presence === "seated" || site.presence === "away"
}

/** How many of the invited sites are present. */
export function attendance(state: RoomState): {
  present: number
  invited: number
  waiting: number
  people: number
} {
  const sites = Object.values(state.sites)
  const here = sites.filter(present)
  return {
    present: here.length,
    invited: sites.length,
    waiting: sites.filter((site) => site.presence === "waiting").length,
    people: here.reduce((sum, site) => sum + site.people, 0),
  }
}

/** My place in the queue, 1 is next; 0 when I do not wait. */
export function place(state: RoomState, site = state.me): number {
  return state.floor.queue.findIndex((hand) => hand.site === site) + 1
}

/** The part of the queue around a site: at most `width` hands with their places. */
export function around(state: RoomState, site = state.me, width = 3): { place: number; site: string }[] {
  const queue = state.floor.queue.map((hand, index) => ({ place: index + 1, site: hand.site }))
  const at = Math.max(
    0,
    queue.findIndex((hand) => hand.site === site),
  )
  const start = Math.max(0, Math.min(at - Math.floor(width / 2), queue.length - width))
  return queue.slice(start, start + width)
}

/** The agenda item that runs now. */
export function currentItem(state: RoomState): ItemView | undefined {
  return state.agenda.find((view) => view.item.id === state.current_item)
}

/** The item that *Nội dung tiếp* starts: the first after the current one that was not started. */
export function nextItem(state: RoomState): ItemView | undefined {
  const now = state.agenda.findIndex((view) => view.item.id === state.current_item)
  return state.agenda.slice(now + 1).find((view) => view.started_at === null)
}

/** Who is on the stage: whom the relay shows there, else who shares, has the floor, or chairs. */
export function onStage(state: RoomState): string | null {
  const shown = state.shows["stage-video"] ?? state.share ?? state.floor.turn?.site
  if (shown) return shown
  const chair = Object.values(state.sites).find((site) => site.role === "chair")
  return chair && present(chair) ? chair.id : null
}

export const TILES = ["tile-1", "tile-2", "tile-3", "tile-4"] as const

/** How many present sites are neither on the stage nor in a tile. */
export function unseen(state: RoomState): number {
  const seen = new Set([...TILES.map((slot) => state.shows[slot]), onStage(state), state.me])
  return Object.values(state.sites).filter((site) => present(site) && !seen.has(site.id)).length
}

/** Whether this site may conduct the meeting. */
export function conducts(state: RoomState): boolean {
  const role = mine(state)?.role
  return role === "chair" || role === "secretary"
}

/** Whether a screen may be shared now: by who conducts, by who has the floor, by all before the opening. */
export function mayShare(state: RoomState): boolean {
  return conducts(state) || state.meeting.state !== "open" || state.floor.turn?.site === state.me
}
