/** The network of this site in a word, measured on the media every three seconds. */

import type { Media } from "../media/media"
import { lossBetween, mediaStats, NOTHING, roundTrip } from "../media/stats"
import { judge, type Quality } from "./network"

const EVERY = 3000

export class QualityWatch {
  word: Quality = $state("unknown")
  #measured = NOTHING
  #last: Quality = "unknown"
  #timer: ReturnType<typeof setInterval> | undefined

  /** Measures the present media until `stop`; a new word must come twice before it is told. */
  start(media: () => Media | null, tell: (word: Quality) => void): void {
    this.#timer ??= setInterval(() => void this.#measure(media(), tell), EVERY)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #measure(media: Media | null, tell: (word: Quality) => void): Promise<void> {
    if (!media) return
    const after = await mediaStats(media).catch(() => null)
    if (!after) return
    const word = judge(lossBetween(this.#measured, after), roundTrip(after))
    const twice = word === this.#last
    this.#measured = after
    this.#last = word
    if (!twice || word === this.word || word === "unknown") return
    this.word = word
    tell(word)
  }
}
