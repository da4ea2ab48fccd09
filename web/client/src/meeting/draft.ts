/** The draft of the minutes as it fills itself: items, who spoke when, what was concluded. Pure. */

import type { AgendaItem, ConclusionView, TimelineEntry } from "../protocol"
import type { RoomState } from "./state"

export interface Line {
  at: string
  kind: "floor_given" | "share_started"
  site: string
  /** The turn that goes on now. */
  live: boolean
}

export interface DraftSection {
  /** `null`: outside all items. */
  item: AgendaItem | null
  startedAt: string | null
  endedAt: string | null
  lines: Line[]
  conclusions: ConclusionView[]
}

/** Sections in the order in which they were opened; items that have not begun are left out. */
export function draft(state: RoomState): DraftSection[] {
  const begun = state.agenda
    .filter((view) => view.started_at !== null)
    .sort((a, b) => a.started_at!.localeCompare(b.started_at!))
  const sections: DraftSection[] = begun.map((view) => ({
    item: view.item,
    startedAt: view.started_at,
    endedAt: view.ended_at,
    lines: [],
    conclusions: state.conclusions.filter((conclusion) => conclusion.item === view.item.id),
  }))
  const outside: DraftSection = {
    item: null,
    startedAt: state.meeting.opened_at,
    endedAt: null,
    lines: [],
    conclusions: state.conclusions.filter(
      (conclusion) => !begun.some((view) => view.item.id === conclusion.item),
    ),
  }
  for (const entry of state.timeline) {
    const line = lineOf(entry, state)
    if (line) (sectionAt(sections, entry.at) ?? outside).lines.push(line)
  }
  return outside.lines.length + outside.conclusions.length > 0 ? [outside, ...sections] : sections
}

function lineOf(entry: TimelineEntry, state: RoomState): Line | null {
  if ((entry.kind !== "floor_given" && entry.kind !== "share_started") || entry.site === null) return null
  const turn = state.floor.turn
  const live = entry.kind === "floor_given" && turn?.site === entry.site && turn.since === entry.at
  return { at: entry.at, kind: entry.kind, site: entry.site, live }
}

/** The item that ran at a moment. One that was started again counts from its last start. */
function sectionAt(sections: DraftSection[], at: string): DraftSection | undefined {
  const moment = Date.parse(at)
  return sections.findLast(
    (section) =>
      Date.parse(section.startedAt!) <= moment &&
      (section.endedAt === null || moment < Date.parse(section.endedAt)),
  )
}
