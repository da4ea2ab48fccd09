import { describe, expect, test } from "vitest"
import { around, attendance, begin, hear, nextItem, onStage, place, unseen } from "./state"
import { letter, site, snapshot } from "./samples"

describe("letters of the log", () => {
  test("a letter that follows the last one moves the state and its number", () => {
    const { state, gap } = hear(
      begin(snapshot({ seq: 4 })),
      letter(4, 5, { kind: "share_changed", share: "b" }),
    )
    expect(gap).toBe(false)
    expect(state.share).toBe("b")
    expect(state.seq).toBe(5)
  })

  test("a letter may tell several events at once", () => {
    const { state, gap } = hear(
      begin(snapshot({ seq: 4 })),
      letter(4, 9, { kind: "share_changed", share: "b" }),
    )
    expect(gap).toBe(false)
    expect(state.seq).toBe(9)
  })

  test("a letter that repeats what the snapshot told changes nothing", () => {
    const before = begin(snapshot({ seq: 7, share: "c" }))
    const { state, gap } = hear(before, letter(5, 7, { kind: "share_changed", share: "b" }))
    expect(gap).toBe(false)
    expect(state).toBe(before)
  })

  test("a letter that overlaps the snapshot is applied", () => {
    const { state, gap } = hear(
      begin(snapshot({ seq: 6 })),
      letter(5, 8, { kind: "share_changed", share: "b" }),
    )
    expect(gap).toBe(false)
    expect([state.seq, state.share]).toEqual([8, "b"])
  })

  test("a missing letter is noticed and nothing is applied out of order", () => {
    const before = begin(snapshot({ seq: 4 }))
    const { state, gap } = hear(before, letter(6, 7, { kind: "share_changed", share: "b" }))
    expect(gap).toBe(true)
    expect(state).toBe(before)
  })

  test("changed sites replace only themselves", () => {
    const before = begin(snapshot({ sites: { a: site("a"), b: site("b") } }))
    const away = site("b", { presence: "away" })
    const { state } = hear(before, letter(1, 2, { kind: "sites_changed", sites: { b: away } }))
    expect(state.sites).toEqual({ a: site("a"), b: away })
  })

  test("the time line grows without doubles", () => {
    const line = (seq: number) => ({
      seq,
      at: "2026-11-25T01:00:00Z",
      kind: "floor_asked",
      site: "b",
      detail: null,
    })
    const before = begin(snapshot({ seq: 3, timeline: [line(2), line(3)] }))
    const { state } = hear(
      before,
      letter(3, 5, { kind: "timeline_grew", entries: [line(3), line(4), line(5)] }),
    )
    expect(state.timeline.map((entry) => entry.seq)).toEqual([2, 3, 4, 5])
  })
})

describe("letters of the moment", () => {
  test("a slot changes whom it shows and the others stay", () => {
    const before = { ...begin(snapshot({})), shows: { "stage-video": "a", "tile-1": "b" } }
    const { state } = hear(before, letter(null, null, { kind: "slot_changed", slots: { "tile-1": null } }))
    expect(state.shows).toEqual({ "stage-video": "a", "tile-1": null })
    expect(state.seq).toBe(before.seq)
  })

  test("when the relay is lost no slot shows anybody", () => {
    const before = { ...begin(snapshot({})), shows: { "stage-video": "a" }, speaking: ["a"] }
    const lost = hear(before, letter(null, null, { kind: "media_lost" })).state
    expect([lost.shows, lost.speaking, lost.relay]).toEqual([{}, [], "lost"])
    expect(hear(lost, letter(null, null, { kind: "media_ready" })).state.relay).toBe("ready")
  })

  test("a resync keeps whom the slots show", () => {
    const before = { ...begin(snapshot({ seq: 2 })), shows: { "stage-video": "a" } }
    const after = begin(snapshot({ seq: 9 }), before)
    expect([after.seq, after.shows]).toEqual([9, { "stage-video": "a" }])
  })
})

describe("what the views ask", () => {
  const hands = (...sites: string[]) => ({
    turn: null,
    queue: sites.map((id) => ({ site: id, since: "2026-11-25T01:00:00Z" })),
  })

  test("my place in the queue counts from one, zero is not waiting", () => {
    const state = begin(snapshot({ me: "b", floor: hands("a", "b", "c") }))
    expect([place(state), place(state, "a"), place(state, "x")]).toEqual([2, 1, 0])
  })

  test("the people around me are shown at the head, in the middle and at the tail", () => {
    const queue = hands("a", "b", "c", "d", "e")
    const seen = (me: string) => around(begin(snapshot({ me, floor: queue }))).map((hand) => hand.place)
    expect([seen("a"), seen("c"), seen("e")]).toEqual([
      [1, 2, 3],
      [2, 3, 4],
      [3, 4, 5],
    ])
  })

  test("away sites are still counted as present, waiting ones are not", () => {
    const state = begin(
      snapshot({
        sites: {
          a: site("a", { people: 12 }),
          b: site("b", { presence: "away", people: 3 }),
          c: site("c", { presence: "waiting" }),
          d: site("d", { presence: "absent" }),
        },
      }),
    )
    expect(attendance(state)).toEqual({ present: 2, invited: 4, waiting: 1, people: 15 })
  })

  test("the next item is the first after the current one that was not started", () => {
    const item = (id: string, started: string | null) => ({
      item: { id, number: 1, title: id, minutes: 15 },
      started_at: started,
      ended_at: null,
    })
    const agenda = [
      item("1", null),
      item("2", "2026-11-25T01:00:00Z"),
      item("3", "2026-11-25T01:10:00Z"),
      item("4", null),
    ]
    expect(nextItem(begin(snapshot({ agenda, current_item: "2" })))?.item.id).toBe("4")
    expect(nextItem(begin(snapshot({ agenda, current_item: null })))?.item.id).toBe("1")
    expect(nextItem(begin(snapshot({ agenda, current_item: "4" })))).toBeUndefined()
  })

  test("the stage belongs to whom the relay shows, else to who shares, has the floor, or chairs", () => {
    const turn = { site: "c", since: "2026-11-25T01:00:00Z", seconds: 300 }
    const state = begin(snapshot({ share: "b", floor: { turn, queue: [] } }))
    expect(onStage({ ...state, shows: { "stage-video": "a" } })).toBe("a")
    expect(onStage(state)).toBe("b")
    expect(onStage({ ...state, share: null })).toBe("c")
    const quiet = { ...state, share: null, floor: { turn: null, queue: [] } }
    expect(onStage(quiet)).toBeNull()
    expect(onStage({ ...quiet, sites: { d: site("d", { role: "chair" }) } })).toBe("d")
    expect(onStage({ ...quiet, sites: { d: site("d", { role: "chair", presence: "absent" }) } })).toBeNull()
  })

  test("the count tile counts present sites that nobody sees", () => {
    const sites = Object.fromEntries(["a", "b", "c", "d", "e"].map((id) => [id, site(id)]))
    sites["e"] = site("e", { presence: "absent" })
    const state = { ...begin(snapshot({ me: "a", sites })), shows: { "stage-video": "b", "tile-1": "c" } }
    expect(unseen(state)).toBe(1)
  })
})
