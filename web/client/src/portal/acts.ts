/** Acts that several pages offer. */
import type { MeetingDetail, TicketView } from "../api"
import { explain } from "../i18n/locale"
import { post, problemOf } from "../ui/http"
import { say } from "../ui/toasts.svelte"
import { go } from "./router.svelte"

/** Does it; a refusal is said in words, and answered by `undefined`. */
export async function tried<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    say(explain(problemOf(error)), { tone: "bad" })
    return undefined
  }
}

/** *Vào họp*: a ticket of one's own site, then its join page. */
export async function enter(meeting: string): Promise<void> {
  const ticket = await tried(() => post<TicketView>(`/meetings/${meeting}/ticket`))
  if (ticket) location.assign(ticket.url)
}

/** *Tạo cuộc họp*: an empty draft, opened for writing. */
export async function convene(): Promise<void> {
  const draft = await tried(() => post<MeetingDetail>("/meetings", { revision: 0 }))
  if (draft) go(`/meetings/${draft.id}/edit`)
}

/** *Nhân bản*: a new draft with the same sites and agenda, opened for writing. */
export async function duplicate(meeting: string): Promise<void> {
  const draft = await tried(() => post<MeetingDetail>(`/meetings/${meeting}/duplicate`))
  if (draft) go(`/meetings/${draft.id}/edit`)
}
