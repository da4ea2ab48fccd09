import { expect, test } from "vitest"
import { draft } from "./draft"
import { site, snapshot } from "./samples"
import { begin } from "./state"

const at = (minute: number) => `2026-11-25T01:${String(minute).padStart(2, "0")}:00+00:00`
const item = (id: string, number: number, started: number | null, ended: number | null) => ({
  item: { id, number, title: `Item ${id}`, minutes: 15 },
  started_at: started === null ? null : at(started),
  ended_at: ended === null ? null : at(ended),
})
const entry = (seq: number, minute: number, kind: string, who: string) => ({
  seq,
  at: at(minute),
  kind,
  site: who,
  detail: null,
})
const conclusion = (id: string, of: string | null) => ({
  id,
  item: of,
  task: `Task ${id}`,
  lead: "",
  cooperating: "",
  deadline: null,
  at: at(9),
})

const state = begin(
  snapshot({
    sites: { a: site("a"), b: site("b"), c: site("c") },
    agenda: [item("2", 2, 20, null), item("1", 1, 5, 20), item("3", 3, null, null)],
    current_item: "2",
    floor: { turn: { site: "c", since: at(25), seconds: 300 }, queue: [] },
    conclusions: [conclusion("x", "1"), conclusion("y", null)],
    timeline: [
      entry(1, 1, "floor_given", "a"),
      entry(2, 6, "floor_given", "b"),
      entry(3, 7, "floor_ended", "b"),
      entry(4, 8, "share_started", "b"),
      entry(5, 20, "floor_given", "a"),
      entry(6, 25, "floor_given", "c"),
    ],
  }),
)

test("turns and shared screens stand under the item that ran", () => {
  const told = draft(state).map((section) => [
    section.item?.id ?? null,
    section.lines.map((line) => line.site),
  ])
  expect(told).toEqual([
    [null, ["a"]],
    ["1", ["b", "b"]],
    ["2", ["a", "c"]],
  ])
})

test("only the turn that goes on is live", () => {
  const live = draft(state).flatMap((section) => section.lines.filter((line) => line.live))
  expect(live.map((line) => line.at)).toEqual([at(25)])
})

test("conclusions stand under their item, others before all items", () => {
  const told = draft(state).map((section) => section.conclusions.map((said) => said.id))
  expect(told).toEqual([["y"], ["x"], []])
})

test("nothing outside the items means no section for it", () => {
  const quiet = begin(
    snapshot({ agenda: [item("1", 1, 5, null)], timeline: [entry(1, 6, "floor_given", "a")] }),
  )
  expect(draft(quiet).map((section) => section.item?.id)).toEqual(["1"])
})
