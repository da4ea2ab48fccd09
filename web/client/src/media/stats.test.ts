import { expect, test } from "vitest"
import { lossBetween, roundTrip, type MediaStats } from "./stats"

const stats = (endpoint: string, received: number, lost: number): MediaStats => ({
  endpoint,
  slots: { "stage-video": { packetsReceived: received, packetsLost: lost }, "tile-1": {} },
  producers: {},
  transports: { receive: { currentRoundTripTime: 0.12 } },
})

test("loss is what was lost of what was due between two moments", () => {
  expect(lossBetween(stats("a.1", 1000, 10), stats("a.1", 1090, 20))).toBeCloseTo(0.1)
})

test("nothing due, or media made anew, tells no loss", () => {
  expect(lossBetween(stats("a.1", 1000, 10), stats("a.1", 1000, 10))).toBeNull()
  expect(lossBetween(stats("a.1", 1000, 10), stats("a.2", 20, 0))).toBeNull()
})

test("late packets that undo a loss do not make it negative", () => {
  expect(lossBetween(stats("a.1", 1000, 10), stats("a.1", 1100, 5))).toBe(0)
})

test("the round trip is in milliseconds", () => {
  expect(roundTrip(stats("a.1", 0, 0))).toBeCloseTo(120)
})
