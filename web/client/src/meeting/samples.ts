/** Made-up rooms for tests. */

import type { AnyMessage, Posted, SiteView, Snapshot } from "../protocol"

export function site(id: string, parts: Partial<SiteView> = {}): SiteView {
  return {
    id,
    name: `Site ${id}`,
    person: `Person ${id}`,
    role: "delegate",
    presence: "seated",
    people: 1,
    listen_only: false,
    muted: false,
    devices: { microphone: false, camera: false, consents_to_open: false },
    quality: "unknown",
    watching: false,
    ...parts,
  }
}

export function snapshot(parts: Partial<Snapshot>): Snapshot {
  return {
    seq: 1,
    now: "2026-11-25T01:00:00Z",
    me: "a",
    meeting: {
      id: "m",
      title: "Meeting",
      body: "Office",
      starts_at: "2026-11-25T01:00:00Z",
      ends_at: "2026-11-25T04:00:00Z",
      state: "open",
      opened_at: "2026-11-25T01:00:00Z",
      adjourned_at: null,
      turn_minutes: 5,
      microphones: "by_floor",
    },
    sites: { a: site("a") },
    current_item: null,
    agenda: [],
    floor: { turn: null, queue: [] },
    share: null,
    recording: { state: "off", recording: null, since: null },
    conclusions: [],
    marks: [],
    timeline: [],
    ...parts,
  }
}

export function letter(after: number | null, seq: number | null, ...messages: AnyMessage[]): Posted {
  return { after, seq, messages }
}
