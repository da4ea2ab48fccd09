/** What this browser shows: which page of the strip, how large, or nothing. Told to the server as it changes. */

import type { Attachment } from "svelte/attachments"
import type { Look } from "../protocol"
import { others, Pages } from "./pages"
import { covering } from "./sizes"
import type { Visit } from "./visit.svelte"

type Part = "stage" | "tile"

const CALM = 300
const AGAIN = 2000
/** A page that nobody sees for so long is sent no pictures, in milliseconds. */
const UNSEEN = 10_000

export class Looking {
  /** The strip is put away by its user. */
  folded = $state(false)
  readonly pages: string[][] = $derived.by(() => this.#pages.deal(this.#others))
  /** The page on view, counted from 0. */
  readonly page: number = $derived.by(() => Math.min(this.#turned, this.pages.length - 1))

  #visit: Visit
  #pages = new Pages()
  #turned = $state(0)
  #drawn: Record<Part, number> = $state({ stage: 0, tile: 0 })
  #unseen = $state(false)
  #others: string[] = $derived.by(() => (this.#visit.room ? others(this.#visit.room) : []))
  /** As text, so that only another wish is another one. */
  #wish: string | null = $derived.by(() => {
    const { media, lostSince } = this.#visit
    if (!media || lostSince !== null) return null
    const { stage, tile } = this.#unseen ? { stage: 0, tile: 0 } : this.#drawn
    const sites = this.page > 0 ? this.pages[this.page]! : []
    const look: Look = { endpoint: media.endpoint, sites, stage_height: stage, tile_height: tile }
    return JSON.stringify(look)
  })

  /** Made while a component is: it tells as long as that stands. */
  constructor(visit: Visit) {
    this.#visit = visit
    $effect(() => this.#tell(this.#wish))
    $effect(() => {
      let timer: ReturnType<typeof setTimeout>
      const look = () => {
        clearTimeout(timer)
        if (document.hidden) timer = setTimeout(() => (this.#unseen = true), UNSEEN)
        else this.#unseen = false
      }
      document.addEventListener("visibilitychange", look)
      look()
      return () => {
        clearTimeout(timer)
        document.removeEventListener("visibilitychange", look)
      }
    })
  }

  /** Turns by so many pages; gives whether there was one. */
  turn(by: number): boolean {
    const to = Math.max(0, Math.min(this.page + by, this.pages.length - 1))
    if (to === this.page) return false
    this.#turned = to
    return true
  }

  /** Measures the box in which the stage, or the row in which the tiles are drawn. */
  measures(part: Part): Attachment<HTMLElement> {
    return (element) => {
      const observer = new ResizeObserver(([entry]) => {
        const { width, height } = entry!.contentRect
        this.#drawn[part] = covering(part === "stage" ? width : 0, height, devicePixelRatio)
      })
      observer.observe(element)
      return () => {
        observer.disconnect()
        this.#drawn[part] = 0
      }
    }
  }

  /** Says it when it has been the wish for a moment; without an answer, again. */
  #tell(wish: string | null): (() => void) | void {
    if (wish === null) return
    let over = false
    let timer = setTimeout(say, CALM)
    const visit = this.#visit
    function say(): void {
      visit.look(JSON.parse(wish!) as Look).catch(() => {
        if (!over) timer = setTimeout(say, AGAIN)
      })
    }
    return () => {
      over = true
      clearTimeout(timer)
    }
  }
}
