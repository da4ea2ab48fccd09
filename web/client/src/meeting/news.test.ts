import { expect, test } from "vitest"
import { news } from "./news"
import { site, snapshot } from "./samples"
import { begin } from "./state"

const keys = (...states: Parameters<typeof news>) => news(...states).map((item) => item.key)

test("several sites that come at once are one sentence", () => {
  const absent = { presence: "absent" } as const
  const before = begin(snapshot({ sites: { a: site("a"), b: site("b", absent), c: site("c", absent) } }))
  const both = begin(snapshot({ sites: { a: site("a"), b: site("b"), c: site("c") } }))
  const one = begin(snapshot({ sites: { a: site("a"), b: site("b"), c: site("c", absent) } }))
  expect(news(before, both)).toEqual([{ key: "room.news.came_many", facts: { count: 2 } }])
  expect(news(before, one)).toEqual([{ key: "room.news.came", facts: { site: "Site b" } }])
})

test("a short disconnect is no news, a site that left is", () => {
  const before = begin(snapshot({ sites: { a: site("a"), b: site("b") } }))
  expect(
    keys(before, begin(snapshot({ sites: { a: site("a"), b: site("b", { presence: "away" }) } }))),
  ).toEqual([])
  expect(
    keys(before, begin(snapshot({ sites: { a: site("a"), b: site("b", { presence: "absent" }) } }))),
  ).toEqual(["room.news.left"])
})

test("my own turn is announced elsewhere, another's here", () => {
  const given = (to: string) =>
    begin(
      snapshot({
        sites: { a: site("a"), b: site("b") },
        floor: { turn: { site: to, since: "2026-11-25T01:00:00Z", seconds: 300 }, queue: [] },
      }),
    )
  const before = begin(snapshot({ sites: { a: site("a"), b: site("b") } }))
  expect(keys(before, given("a"))).toEqual([])
  expect(keys(before, given("b"))).toEqual(["room.news.floor"])
})

test("opening, items, sharing and recording are told", () => {
  const item = { item: { id: "1", number: 1, title: "x", minutes: 5 }, started_at: null, ended_at: null }
  const before = begin(snapshot({ agenda: [item], meeting: { ...snapshot({}).meeting, state: "waiting" } }))
  const after = begin(
    snapshot({
      agenda: [item],
      current_item: "1",
      share: "a",
      recording: { state: "on", recording: "r", since: "2026-11-25T01:00:00Z" },
    }),
  )
  expect(keys(before, after)).toEqual([
    "room.news.opened",
    "room.news.item",
    "room.news.share",
    "room.news.recording_on",
  ])
})
