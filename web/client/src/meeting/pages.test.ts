import { expect, test } from "vitest"
import { others, Pages, settle } from "./pages"
import { site, snapshot } from "./samples"
import { begin } from "./state"

const filming = { microphone: false, camera: true, consents_to_open: false }
const sites = (...ids: string[]) =>
  Object.fromEntries(ids.map((id) => [id, site(id, { presence: "seated", devices: filming })]))

test("the strip shows cameras of others who are present and not on the stage", () => {
  const state = begin(
    snapshot({
      me: "me",
      sites: {
        ...sites("chair", "me", "a"),
        off: site("off", { presence: "seated" }),
        gone: site("gone", { presence: "absent", devices: filming }),
        back: site("back", { presence: "away", devices: filming }),
      },
    }),
  )
  state.shows = { "stage-video": "chair" }
  expect(others(state)).toEqual(["a", "back"])
})

test("who shows a screen on the stage keeps the camera in the strip", () => {
  const state = begin(snapshot({ me: "me", share: "a", sites: sites("a", "b") }))
  state.shows = { "stage-video": "a" }
  expect(others(state)).toEqual(["a", "b"])
})

test("who stays keeps the place; who comes takes a free one, else the end", () => {
  expect(settle(["a", "b", "c"], ["a", "c", "x"])).toEqual(["a", "x", "c"])
  expect(settle(["a", "b"], ["x", "a", "b"])).toEqual(["a", "b", "x"])
})

test("a place that stays free is taken by the last", () => {
  expect(settle(["a", "b", "c", "d"], ["b", "c", "d"])).toEqual(["d", "b", "c"])
  expect(settle(["a", "b", "c"], ["a"])).toEqual(["a"])
  expect(settle(["a", "b"], [])).toEqual([])
})

test("pages hold everybody once, four at a time", () => {
  const all = Array.from({ length: 9 }, (_, n) => `s${n}`)
  const pages = new Pages().deal(all)
  expect(pages.map((page) => page.length)).toEqual([4, 4, 1])
  expect(pages.flat()).toEqual(all)
  expect(new Pages().deal([])).toEqual([[]])
})

test("when the stage changes, only one picture of a later page does", () => {
  const pages = new Pages()
  const all = ["a", "b", "c", "d", "e", "f", "g", "h"]
  expect(pages.deal(all)[1]).toEqual(["e", "f", "g", "h"])
  const after = pages.deal(["chair", "a", "b", "c", "d", "e", "f", "h"])
  expect(after).toEqual([
    ["chair", "a", "b", "c"],
    ["e", "f", "d", "h"],
  ])
})
