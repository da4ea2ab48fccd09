/** Theme and text size of this browser: kept here, put on the page before the first paint. */

export type Theme = "system" | "light" | "dark"
export type TextSize = "a" | "a1" | "a2"

const THEME = "nghisu.theme"
const SIZE = "nghisu.text"

export const theme = (): Theme => (localStorage.getItem(THEME) as Theme | null) ?? "system"
export const textSize = (): TextSize => (localStorage.getItem(SIZE) as TextSize | null) ?? "a"

/** Puts the kept choices on the page. */
export function dress(): void {
  const root = document.documentElement
  if (theme() === "system") delete root.dataset["theme"]
  else root.dataset["theme"] = theme()
  root.dataset["text"] = textSize()
}

export function chooseTheme(next: Theme): void {
  localStorage.setItem(THEME, next)
  dress()
}

export function chooseTextSize(next: TextSize): void {
  localStorage.setItem(SIZE, next)
  dress()
}
