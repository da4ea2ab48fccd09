import { expect, test } from "vitest"
import { elapsed } from "./clock"
import { judge, judgeJoin, pageRate } from "./network"

test("the network is good, fair or poor by the worse of loss and round trip", () => {
  expect(judge(0.029, 249)).toBe("good")
  expect(judge(0.03, 100)).toBe("fair")
  expect(judge(0, 250)).toBe("fair")
  expect(judge(0.08, 10)).toBe("poor")
  expect(judge(0, 500)).toBe("poor")
  expect(judge(null, null)).toBe("unknown")
})

test("a narrow line is poor however short its round trip", () => {
  expect(judgeJoin(20, 380)).toBe("poor")
  expect(judgeJoin(20, 5000)).toBe("good")
  expect(judgeJoin(20, null)).toBe("good")
  expect(judgeJoin(null, 380)).toBe("unknown")
})

test("the page's rate is told by its large parts only", () => {
  expect(pageRate([{ transferSize: 2_000, responseStart: 0, responseEnd: 1 }])).toBeNull()
  expect(pageRate([{ transferSize: 50_000, responseStart: 0, responseEnd: 1000 }])).toBe(400)
})

test("time passed never goes below zero", () => {
  const at = Date.parse("2026-11-25T01:00:10Z")
  expect([elapsed("2026-11-25T01:00:00Z", at), elapsed("2026-11-25T01:00:20Z", at)]).toEqual([10, 0])
})
