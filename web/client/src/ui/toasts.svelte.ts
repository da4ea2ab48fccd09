/** Short news at the edge of the screen, with a way back for 8 s. */

export interface Toast {
  readonly id: number
  readonly text: string
  readonly tone: "plain" | "ok" | "bad"
  readonly undo?: () => void
}

const SHOWN_MS = 8000
let last = 0

export const toasts: Toast[] = $state([])

/** Shows a sentence for 8 s; with `undo` it carries the button *Hoàn tác*. Answers how to take it away. */
export function say(text: string, options: { undo?: () => void; tone?: Toast["tone"] } = {}): () => void {
  const id = ++last
  toasts.push({ id, text, tone: options.tone ?? "plain", undo: options.undo })
  if (toasts.length > 3) toasts.shift()
  setTimeout(() => dismiss(id), SHOWN_MS)
  return () => dismiss(id)
}

export function dismiss(id: number): void {
  const at = toasts.findIndex((toast) => toast.id === id)
  if (at >= 0) toasts.splice(at, 1)
}
