/** The words and signs of states that several pages show. */
import type { LucideIcon } from "@lucide/svelte"
import CircleCheck from "@lucide/svelte/icons/circle-check"
import CircleX from "@lucide/svelte/icons/circle-x"
import FileCheck from "@lucide/svelte/icons/file-check"
import FilePen from "@lucide/svelte/icons/file-pen"
import MailCheck from "@lucide/svelte/icons/mail-check"
import PencilLine from "@lucide/svelte/icons/pencil-line"
import Users from "@lucide/svelte/icons/users"
import type { MeetingSummary, State } from "../../api"
import { t } from "../../i18n/locale"

export interface Sign {
  tone: "ok" | "wait" | "bad" | "primary" | "plain"
  icon: LucideIcon
  word: string
}

const SIGNS: Record<State, Omit<Sign, "word">> = {
  draft: { tone: "plain", icon: PencilLine },
  invited: { tone: "primary", icon: MailCheck },
  live: { tone: "ok", icon: CircleCheck },
  adjourned: { tone: "wait", icon: FilePen },
  approved: { tone: "ok", icon: FileCheck },
  cancelled: { tone: "bad", icon: CircleX },
}

export const stateSign = (state: State): Sign => ({ ...SIGNS[state], word: t(`state.${state}`) })

/** What a line of *Lịch hôm nay* says of its meeting. */
export function lineSign(meeting: MeetingSummary): Sign {
  if (meeting.state === "invited") {
    return {
      tone: "plain",
      icon: Users,
      word: t("today.answered", { answered: meeting.answered, sites: meeting.sites }),
    }
  }
  return stateSign(meeting.state)
}

/** The address that serves a meeting best: a draft is edited, everything else is looked at. */
export const addressOf = (meeting: { id: string; state: State; may_edit: boolean }): string =>
  meeting.state === "draft" && meeting.may_edit ? `/meetings/${meeting.id}/edit` : `/meetings/${meeting.id}`

/** Letters without accents, đ as d, lower case: what a hurried search types. */
export const plain = (text: string): string =>
  text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐ]/g, "d").toLowerCase()

/** Whether every word of the query stands in the text, accents aside. */
export function hits(text: string, query: string): boolean {
  const there = plain(text)
  return plain(query)
    .split(/\s+/)
    .every((word) => there.includes(word))
}
