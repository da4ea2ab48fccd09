/** The words on the screen: one catalog a language, loaded before the first paint. */

export type Locale = "vi" | "en"
type Catalog = Record<string, string>
type Loader = () => Promise<{ default: Catalog }>

const KEPT = "nghisu.locale"
let catalog: Catalog = {}

/** The language of this browser: what the user chose, else Vietnamese. */
export const locale: Locale = localStorage.getItem(KEPT) === "en" ? "en" : "vi"

/** Loads the catalogs of the chosen language and says so to assistive technology. */
export async function loadCatalogs(loaders: Record<Locale, Loader[]>): Promise<void> {
  const parts = await Promise.all(loaders[locale].map((load) => load()))
  catalog = Object.assign({}, ...parts.map((part) => part.default)) as Catalog
  document.documentElement.lang = locale
}

/** Keeps the choice and starts the page again in that language. */
export function chooseLocale(next: Locale): void {
  localStorage.setItem(KEPT, next)
  location.reload()
}

/** The sentence of a key with its `{facts}` filled in. `key.one` is taken, where it exists, for a count of one. */
export function t(key: string, facts: Record<string, string | number> = {}): string {
  const sentence = (facts["count"] === 1 && catalog[`${key}.one`]) || catalog[key]
  if (sentence === undefined) {
    console.warn(`no words for ${key}`)
    return key
  }
  return sentence.replace(/\{(\w+)\}/g, (hole, name: string) => String(facts[name] ?? hole))
}

/** The sentence for a stable error code (`Problem`, `Failure`). */
export function explain(problem: { code: string; facts?: Record<string, string | number> }): string {
  const key = `error.${problem.code}`
  return t(key in catalog ? key : "error.unknown", { code: problem.code, ...problem.facts })
}
