/** What changed between two states, as sentences for those who do not see the screen (one polite region, batched). */

import { currentItem, present, type RoomState } from "./state"

/** A key of the catalog and its facts. */
export interface News {
  key: string
  facts: Record<string, string | number>
}

export function news(before: RoomState, after: RoomState): News[] {
  const found: News[] = []
  const name = (site: string) => after.sites[site]?.name ?? site
  const say = (key: string, facts: News["facts"] = {}) => found.push({ key, facts })

  if (before.sites !== after.sites) {
    const others = Object.values(after.sites).filter((site) => site.id !== after.me)
    const was = (id: string) => before.sites[id]
    const came = others.filter((site) => present(site) && !(was(site.id) && present(was(site.id)!)))
    const left = others.filter((site) => !present(site) && was(site.id) && present(was(site.id)!))
    const waits = others.filter((site) => site.presence === "waiting" && was(site.id)?.presence !== "waiting")
    if (came.length === 1) say("room.news.came", { site: came[0]!.name })
    else if (came.length > 1) say("room.news.came_many", { count: came.length })
    if (left.length === 1) say("room.news.left", { site: left[0]!.name })
    else if (left.length > 1) say("room.news.left_many", { count: left.length })
    if (waits.length > 0) say("room.news.waiting", { count: waits.length })
  }
  if (before.meeting.state !== after.meeting.state && after.meeting.state === "open") say("room.news.opened")
  if (before.current_item !== after.current_item) {
    const item = currentItem(after)?.item
    if (item) say("room.news.item", { number: item.number, title: item.title })
  }
  const turn = after.floor.turn?.site
  if (turn && turn !== before.floor.turn?.site && turn !== after.me)
    say("room.news.floor", { site: name(turn) })
  if (before.share !== after.share) {
    if (after.share) say("room.news.share", { site: name(after.share) })
    else say("room.news.share_ended")
  }
  if (before.recording.state !== after.recording.state) say(`room.news.recording_${after.recording.state}`)
  if (after.conclusions.length > before.conclusions.length) say("room.news.conclusion")
  return found
}
