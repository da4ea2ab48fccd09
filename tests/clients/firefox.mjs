// Stock Firefox over WebDriver BiDi, driven from standard input: one JSON line a command, one JSON line an answer.
//
// The first line launches it: {executable, profile, preferences, locale, width, height, scripts}. Then come
// {do: "goto" | "press" | "tick" | "evaluate" | "size" | "shot" | "complaints", ...}; the end of the input closes it.
import { createInterface } from "node:readline"
import puppeteer from "puppeteer-core"

const PATIENCE = 30_000
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const next = async () => {
  const { value, done } = await lines.next()
  return done ? null : JSON.parse(value)
}
const answer = (body) => process.stdout.write(`${JSON.stringify(body)}\n`)

const wish = await next()
const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: wish.executable,
  userDataDir: wish.profile,
  extraPrefsFirefox: wish.preferences,
  headless: true,
  acceptInsecureCerts: true,
  defaultViewport: { width: wish.width, height: wish.height },
})
const [page] = await browser.pages()
page.setDefaultTimeout(PATIENCE)
await page.setViewport({ width: wish.width, height: wish.height })
const complaints = []
page.on("pageerror", (error) => complaints.push(String(error)))
for (const script of wish.scripts) await page.evaluateOnNewDocument(script)

const acts = {
  goto: ({ address }) => page.goto(address, { waitUntil: "domcontentloaded" }).then(() => null),
  /** The first element of that role with exactly that name, once it is there and enabled. */
  press: ({ role, name }) => page.locator(`::-p-aria([name="${name}"][role="${role}"])`).click(),
  /** A page's own function of one argument, on that argument. */
  evaluate: ({ body, argument }) => page.evaluate(`(${body})(${JSON.stringify(argument)})`),
  size: ({ width, height }) => page.setViewport({ width, height }),
  shot: ({ path }) => page.screenshot({ path }).then(() => null),
  complaints: () => complaints,
  version: () => browser.version(),
}

answer({ ok: await browser.version() })
for (let command = await next(); command; command = await next()) {
  try {
    answer({ ok: (await acts[command.do](command)) ?? null })
  } catch (error) {
    answer({ error: String(error?.stack ?? error) })
  }
}
await browser.close()
