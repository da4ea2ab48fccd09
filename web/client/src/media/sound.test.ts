import { expect, test } from "vitest"
import { level } from "./sound"

test("the level goes in even steps of decibels from silence to full scale", () => {
  const tone = (amplitude: number) =>
    Float32Array.from({ length: 64 }, (_, i) => (i % 2 ? amplitude : -amplitude))
  expect(level(tone(0))).toBe(0)
  expect(level(tone(1))).toBe(1)
  expect(level(tone(10 ** (-30 / 20)))).toBeCloseTo(0.5)
  expect(level(tone(10 ** (-90 / 20)))).toBe(0)
})
