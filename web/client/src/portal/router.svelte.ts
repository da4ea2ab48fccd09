/** Which page stands at which address, and how the browser goes from one to the next. */
import type { Component } from "svelte"

export type Params = Record<string, string>
type Page = Component<Record<string, never>>
type Loader = () => Promise<{ default: Page }>

export interface Route {
  pattern: RegExp
  load: Loader
  /** The page stands alone: no menu, no sign-in needed. */
  open?: boolean
}

const keep = (segment: string): RegExp => new RegExp(`^${segment.replace(/:(\w+)/g, "(?<$1>[^/]+)")}/?$`)
const page = (segment: string, load: Loader, open = false): Route => ({ pattern: keep(segment), load, open })

export const ROUTES: readonly Route[] = [
  page("/sign-in", () => import("./pages/SignIn.svelte"), true),
  page("/welcome/:token", () => import("./pages/Welcome.svelte"), true),
  page("/", () => import("./pages/Today.svelte")),
  page("/meetings", () => import("./pages/Meetings.svelte")),
  page("/meetings/:id/edit", () => import("./pages/Compose.svelte")),
  page("/meetings/:id/minutes", () => import("./pages/Minutes.svelte")),
  page("/meetings/:id", () => import("./pages/Dossier.svelte")),
  page("/archive", () => import("./pages/Archives.svelte")),
  page("/archive/:id", () => import("./pages/Archive.svelte")),
  page("/units", () => import("./pages/Units.svelte")),
  page("/system", () => import("./pages/System.svelte")),
  page("/outbox", () => import("./pages/Outbox.svelte")),
  page("/account", () => import("./pages/Account.svelte")),
]

export interface Place {
  readonly path: string
  readonly search: URLSearchParams
  /** Counts the pages seen: 0 is the one that the browser opened. */
  readonly step: number
}

let current: Place = $state.raw({
  path: location.pathname,
  search: new URLSearchParams(location.search),
  step: 0,
})
let leaving: (() => void) | undefined

export const place = {
  get now(): Place {
    return current
  },
}

/** The route of a path and what its pattern caught; nothing where no page stands. */
export function match(path: string): { route: Route; params: Params } | undefined {
  for (const route of ROUTES) {
    const caught = route.pattern.exec(path)
    if (caught) {
      const params = Object.entries(caught.groups ?? {}).map(([name, value]) => [
        name,
        decodeURIComponent(value),
      ])
      return { route, params: Object.fromEntries(params) as Params }
    }
  }
  return undefined
}

function arrive(scroll: number): void {
  leaving?.()
  const samePage = current.path === location.pathname
  current = {
    path: location.pathname,
    search: new URLSearchParams(location.search),
    step: samePage ? current.step : current.step + 1,
  }
  if (!samePage) requestAnimationFrame(() => scrollTo(0, scroll))
}

/** What the address of the page that is just being made holds under `name`. */
export const param = (name: string): string => match(current.path)?.params[name] ?? ""

/** Goes to a page of the portal; anything else is opened by the browser. */
export function go(to: string, replace = false): void {
  const url = new URL(to, location.origin)
  if (url.origin !== location.origin || !match(url.pathname)) return location.assign(url)
  history.replaceState({ ...(history.state as object | null), scroll: scrollY }, "")
  history[replace ? "replaceState" : "pushState"]({}, "", url)
  arrive(0)
}

/** Changes the address without leaving the page (a chosen tab). */
export function readdress(search: string): void {
  history.replaceState(history.state, "", `${location.pathname}${search}`)
  current = { ...current, search: new URLSearchParams(search) }
}

/** Something to finish before the page is left: an unsaved form. */
export function beforeLeaving(act: (() => void) | undefined): void {
  leaving = act
}

/** Lets links of the portal change the page in place. Answers how to stop. */
export function listen(): () => void {
  history.scrollRestoration = "manual"
  const clicked = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return
    const link = (event.target as Element | null)?.closest?.<HTMLAnchorElement>("a[href]")
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return
    if (link.hash && link.pathname === location.pathname) return
    if (!match(link.pathname)) return
    event.preventDefault()
    go(link.pathname + link.search)
  }
  const back = (event: PopStateEvent): void =>
    arrive((event.state as { scroll?: number } | null)?.scroll ?? 0)
  document.addEventListener("click", clicked)
  window.addEventListener("popstate", back)
  return () => {
    document.removeEventListener("click", clicked)
    window.removeEventListener("popstate", back)
  }
}
