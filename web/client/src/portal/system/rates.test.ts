import { expect, test } from "vitest"
import type { RelayView } from "../../api"
import { rate, tcpShare } from "./rates"

const relay: RelayView = {
  relay: "0",
  answers: true,
  load: 0.2,
  started: 1000,
  meetings: 1,
  endpoints: 4,
  packets: 5000,
  drops: 0,
  segments: true,
  udp: 6,
  tcp: 2,
}

test("packets a second follow from two readings", () => {
  expect(rate(relay, { ...relay, packets: 9000 }, 4)).toEqual({ packets: 1000, dropping: false })
  expect(rate(relay, { ...relay, drops: 3 }, 4).dropping).toBe(true)
})

test("one reading, a restart or a server that was silent tell no rate", () => {
  const unknown = { packets: undefined, dropping: false }
  expect(rate(undefined, relay, 4)).toEqual(unknown)
  expect(rate(relay, { ...relay, started: 2000, packets: 10 }, 4)).toEqual(unknown)
  expect(rate({ ...relay, answers: false }, relay, 4)).toEqual(unknown)
  expect(rate(relay, relay, 0)).toEqual(unknown)
})

test("the share of TCP counts connected transports", () => {
  expect(tcpShare(relay)).toBe(0.25)
  expect(tcpShare({ ...relay, udp: 0, tcp: 0 })).toBeUndefined()
})
