/** Order by ▲▼: the row moves, and the focus stays on the button that was pressed. */
import { tick } from "svelte"

export function moved<T>(rows: T[], at: number, by: -1 | 1, list: HTMLElement | undefined): void {
  const to = at + by
  const [row] = rows.splice(at, 1)
  if (row === undefined) return
  rows.splice(to, 0, row)
  const pressed = document.activeElement as HTMLButtonElement | null
  void tick().then(() => {
    if (!pressed?.disabled && pressed?.isConnected) return pressed.focus()
    list?.children[to]?.querySelector<HTMLButtonElement>(".tools button:not(:disabled)")?.focus()
  })
}
