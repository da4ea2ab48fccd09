import { expect, test } from "vitest"
import { lossBetween, roundTrip, sent, type MediaStats } from "./stats"

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

test("of several encodings each is told, and the whole with the largest that moves", () => {
  const entry = (rid: string, bytesSent: number, frameWidth: number, framesPerSecond: number) => ({
    type: "outbound-rtp",
    rid,
    bytesSent,
    frameWidth,
    framesPerSecond,
  })
  const report = new Map<string, object>([
    ["b", entry("r1", 900, 640, 0)],
    ["a", entry("r0", 100, 320, 25)],
    ["c", { type: "candidate-pair" }],
  ])
  const told = Object.fromEntries(sent("camera", report as unknown as RTCStatsReport))
  expect(Object.keys(told)).toEqual(["camera", "camera r0", "camera r1"])
  expect(told["camera"]).toMatchObject({ bytesSent: 1000, frameWidth: 320, framesPerSecond: 25 })
  expect(told["camera r1"]).toMatchObject({ bytesSent: 900 })
  expect(sent("microphone", new Map() as unknown as RTCStatsReport)).toEqual([["microphone", {}]])
})
