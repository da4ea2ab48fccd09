import { expect, test } from "vitest"
import { covering, stepped } from "./sizes"

test("small changes of a window do not change the wish", () => {
  expect(stepped(116)).toBe(90)
  expect(stepped(410)).toBe(stepped(490))
  expect(stepped(488)).toBe(450)
  expect(stepped(1080)).toBe(1080)
})

test("what is drawn at all wants a picture, what is not wants none", () => {
  expect(stepped(4)).toBe(90)
  expect(stepped(0)).toBe(0)
  expect(covering(946, 0, 2)).toBe(0)
})

test("a dense screen wants more, and so does a box that is wider than the picture", () => {
  expect(covering(390, 219, 3)).toBe(630)
  expect(covering(1600, 450, 1)).toBe(900)
})
