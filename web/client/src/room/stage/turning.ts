/** Turns pages by arrow keys, wheel and swipe; a Svelte attachment. */

import type { Attachment } from "svelte/attachments"

const KEYS: Record<string, number> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  PageUp: -1,
  PageDown: 1,
  Home: -Infinity,
  End: Infinity,
}
const WHEEL = 40
/** One roll of the wheel goes on for a while; it turns one page. */
const ROLL = 300
const SWIPE = 60

/** `turn` is called with how many pages to go on or back. A row that can still scroll scrolls instead. */
export function turning(turn: (by: number) => boolean): Attachment<HTMLElement> {
  return (element) => {
    const ended = new AbortController()
    const { signal } = ended
    let rolled = -Infinity
    let from: { x: number; y: number; left: number } | null = null

    const row = () => element.querySelector<HTMLElement>("[data-row]") ?? element
    const scrolls = (by: number, left = row().scrollLeft) =>
      by > 0 ? left + row().clientWidth < row().scrollWidth - 1 : left > 1

    function key(event: KeyboardEvent): void {
      const by = KEYS[event.key]
      if (by === undefined || event.altKey || event.ctrlKey || event.metaKey) return
      if (turn(by)) event.preventDefault()
    }

    function wheel(event: WheelEvent): void {
      const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY)
      const way = sideways ? event.deltaX : event.deltaY
      const by = Math.sign(way)
      if (event.ctrlKey || Math.abs(way) < WHEEL || scrolls(by)) return
      if (!sideways && scrollsDown(element)) return
      if (event.timeStamp - rolled < ROLL) return event.preventDefault()
      if (!turn(by)) return
      rolled = event.timeStamp
      event.preventDefault()
    }

    function end(event: TouchEvent): void {
      const touch = event.changedTouches[0]
      if (!from || !touch) return
      const across = from.x - touch.clientX
      const by = Math.sign(across)
      const swiped = Math.abs(across) > SWIPE && Math.abs(across) > 2 * Math.abs(from.y - touch.clientY)
      if (swiped && !scrolls(by, from.left)) turn(by)
      from = null
    }

    element.addEventListener("keydown", key, { signal })
    element.addEventListener("wheel", wheel, { signal, passive: false })
    element.addEventListener(
      "touchstart",
      ({ touches }) => {
        const touch = touches[0]
        const one = touches.length === 1 && touch
        from = one ? { x: touch.clientX, y: touch.clientY, left: row().scrollLeft } : null
      },
      { signal, passive: true },
    )
    element.addEventListener("touchend", end, { signal, passive: true })
    return () => ended.abort()
  }
}

/** Whether something around it can be scrolled up or down, which the wheel is for. */
function scrollsDown(element: HTMLElement): boolean {
  for (let around = element.parentElement; around; around = around.parentElement) {
    const scrolling = around === document.scrollingElement || getComputedStyle(around).overflowY === "auto"
    if (scrolling && around.scrollHeight > around.clientHeight + 1) return true
  }
  return false
}
