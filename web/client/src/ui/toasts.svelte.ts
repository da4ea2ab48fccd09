/** Short news at the edge of the screen, with a way back for 8 s where one is offered. */

export interface Toast {
  readonly id: number
  readonly text: string
  readonly tone: "plain" | "ok" | "bad"
  readonly undo?: () => void
}

const UNDO_MS = 8000
const READ_MS = 5000
let last = 0

export const toasts: Toast[] = $state([])

/**
 * Shows a sentence for 5 s; with `undo` it carries the button *Hoàn tác* and stays for 8 s. The same sentence again
 * takes the place of the first. Answers how to take it away.
 */
export function say(text: string, options: { undo?: () => void; tone?: Toast["tone"] } = {}): () => void {
  const id = ++last
  const twin = toasts.findIndex((toast) => toast.text === text && !toast.undo)
  if (twin >= 0) toasts.splice(twin, 1)
  toasts.push({ id, text, tone: options.tone ?? "plain", undo: options.undo })
  if (toasts.length > 3) toasts.shift()
  setTimeout(() => dismiss(id), options.undo ? UNDO_MS : READ_MS)
  return () => dismiss(id)
}

export function dismiss(id: number): void {
  const at = toasts.findIndex((toast) => toast.id === id)
  if (at >= 0) toasts.splice(at, 1)
}
