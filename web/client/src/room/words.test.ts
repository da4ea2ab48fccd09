import { expect, test } from "vitest"
import en from "../i18n/en/room.json"
import vi from "../i18n/vi/room.json"

const sources = import.meta.glob(["./**/*.svelte", "./**/*.ts", "../meeting/*.ts", "!**/*.test.ts"], {
  query: "?raw",
  import: "default",
  eager: true,
}) as Record<string, string>
const said = Object.values(sources).join("\n")
const whole = [...said.matchAll(/"(room\.[a-z_.]+)"/g)].map((match) => match[1]!)
const open = [...said.matchAll(/`(room\.[a-z_.]*)\$\{/g)].map((match) => match[1]!)

test("every word of the Room is there in both languages, with the same holes", () => {
  const holes = (words: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(words).map(([key, text]) => [key, (text.match(/\{\w+\}/g) ?? []).sort()]),
    )
  expect(holes(en)).toEqual(holes(vi))
})

test("every key that a view names has its words", () => {
  expect(whole.filter((key) => !(key in vi))).toEqual([])
  expect(open.filter((start) => !Object.keys(vi).some((key) => key.startsWith(start)))).toEqual([])
})

test("no words stand in the catalog that nobody says", () => {
  const named = new Set(whole)
  const unsaid = Object.keys(vi).filter(
    (key) => !named.has(key.replace(/\.one$/, "")) && !open.some((start) => key.startsWith(start)),
  )
  expect(unsaid).toEqual([])
})
