/** What a line of the time line says. */
import type { MomentView } from "../../api"
import { t } from "../../i18n/locale"

const WORDS = new Set(["left", "lost", "adjourned", "yielded", "ended", "next", "recorder", "relay", "disk"])

/** The sentence of a moment without the site's name, which stands in front of it. */
export function sentence(moment: MomentView): string {
  const detail =
    moment.detail && WORDS.has(moment.detail) ? t(`moment.detail.${moment.detail}`) : moment.detail
  return detail ? `${t(`moment.${moment.kind}`)}: ${detail}` : t(`moment.${moment.kind}`)
}
