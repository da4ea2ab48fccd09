import { expect, test } from "vitest"
import { active, encodings, takesSizes } from "./encodings"

const able = { simulcast: true, temporal: true }
const camera = (width: number, height: number) => encodings("camera", { width, height }, able)
const scales = (width: number, height: number) =>
  camera(width, height).map((each) => each.scaleResolutionDownBy ?? 1)

test("several sizes are sent of VP8 alone, and never by Safari, whose sizes would have no rid", () => {
  expect(takesSizes("video/vp8", "Chrome111")).toBe(true)
  expect(takesSizes("video/vp8", "Firefox120")).toBe(true)
  expect(takesSizes("video/h264", "Chrome111")).toBe(false)
  expect(takesSizes(undefined, "Chrome111")).toBe(false)
  expect(takesSizes("video/vp8", "Safari12")).toBe(false)
})

test("a camera is sent in as many sizes as its picture gives, the smallest first", () => {
  expect(scales(1280, 720)).toEqual([4, 2, 1])
  expect(scales(960, 540)).toEqual([4, 2, 1])
  expect(scales(640, 360)).toEqual([2, 1])
  expect(scales(640, 480)).toEqual([2, 1])
  expect(scales(320, 240)).toEqual([1])
  expect(scales(320, 180)).toEqual([1])
})

test("a telephone held upright counts by its pixels", () => {
  expect(scales(720, 1280)).toEqual([4, 2, 1])
  expect(scales(360, 640)).toEqual([2, 1])
})

test("each size has its bit rate, whatever the camera", () => {
  expect(camera(1280, 720).map((each) => each.maxBitrate)).toEqual([120_000, 400_000, 1_300_000])
  expect(camera(640, 360).map((each) => each.maxBitrate)).toEqual([120_000, 400_000])
  expect(camera(320, 180).map((each) => each.maxBitrate)).toEqual([120_000])
})

test("temporal layers only where the browser takes them", () => {
  expect(camera(1280, 720).every((each) => each.scalabilityMode === "L1T3")).toBe(true)
  const without = encodings("camera", { width: 1280, height: 720 }, { simulcast: true, temporal: false })
  expect(without.some((each) => "scalabilityMode" in each)).toBe(false)
})

test("a codec that is sent in one size keeps to a rate that every tile can bear", () => {
  const single = encodings("camera", { width: 1280, height: 720 }, { simulcast: false, temporal: false })
  expect(single).toEqual([{ maxBitrate: 700_000, maxFramerate: 25 }])
})

test("sound and screen are sent once, whatever their size", () => {
  expect(encodings("microphone", { width: 0, height: 0 }, able)).toHaveLength(1)
  expect(encodings("screen", { width: 1920, height: 1080 }, able)).toEqual([
    { maxBitrate: 800_000, maxFramerate: 5 },
  ])
})

test("what is watched is sent, and all of it until the relay has said", () => {
  const rids = ["r0", "r1", "r2"]
  expect(active(rids, null)).toEqual([true, true, true])
  expect(active(rids, ["r0", "r2"])).toEqual([true, false, true])
  expect(active(rids, ["r2"])).toEqual([false, false, true])
})

test("with nobody watching the smallest goes on", () => {
  expect(active(["r0", "r1"], [])).toEqual([true, false])
  expect(active(["r0", "r1"], ["r2"])).toEqual([true, false])
})
