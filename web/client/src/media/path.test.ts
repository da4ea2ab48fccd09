import type { Transport } from "mediasoup-client/types"
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import type { IceRestarted } from "../protocol"

const SERVERS = [{ urls: ["turns:turn.example"], username: "1:an", credential: "secret" }]
const MADE: IceRestarted = { receive: { usernameFragment: "new" }, send: null, ice_servers: SERVERS }

/** A transport whose state the test sets; what is asked of it is noted. */
class Stub {
  connectionState = "new"
  asked: string[] = []
  #listener: (state: string) => void = () => {}

  on(_: string, listener: (state: string) => void): void {
    this.#listener = listener
  }
  become(state: string): void {
    this.connectionState = state
    this.#listener(state)
  }
  async restartIce(): Promise<void> {
    this.asked.push("restart")
  }
  async updateIceServers(): Promise<void> {
    this.asked.push("servers")
  }
}

async function path(restart: () => Promise<IceRestarted> = async () => MADE) {
  vi.resetModules()
  const { Path, neededRelay } = await import("./path")
  const transport = new Stub()
  const broken = vi.fn()
  const asked = vi.fn(restart)
  const made = new Path([transport as unknown as Transport], { restart: asked, broken })
  made.begin([transport as unknown as Transport])
  return { made, transport, asked, broken, neededRelay }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }))
afterEach(() => void vi.useRealTimers())

test("a path that is found at once asks for nothing", async () => {
  const { transport, asked, broken } = await path()
  transport.become("connected")
  await vi.advanceTimersByTimeAsync(60_000)
  expect(asked).not.toHaveBeenCalled()
  expect(broken).not.toHaveBeenCalled()
})

test("after two seconds without a path TURN servers are tried, and remembered when they lead there", async () => {
  const { transport, broken, neededRelay } = await path()
  await vi.advanceTimersByTimeAsync(1_999)
  expect(transport.asked).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(transport.asked).toEqual(["servers", "restart"])
  expect(neededRelay()).toBe(false)
  transport.become("connected")
  expect(neededRelay()).toBe(true)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(broken).not.toHaveBeenCalled()
})

test("where a connection takes no further servers, media are made anew, and those have TURN from the start", async () => {
  const { transport, broken, neededRelay } = await path()
  const unsupported = Object.assign(new Error("not supported"), { name: "UnsupportedError" })
  transport.updateIceServers = () => Promise.reject(unsupported)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(broken).toHaveBeenCalledTimes(1)
  expect(neededRelay()).toBe(true)
})

test("a change of network restarts ICE though the old path still seems to stand, without TURN at first", async () => {
  const { made, transport, neededRelay } = await path()
  transport.become("connected")
  made.find(true)
  await vi.advanceTimersByTimeAsync(0)
  expect(transport.asked).toEqual(["restart"])
  expect(neededRelay()).toBe(false)
})

test("a return to a server that still has the media asks for nothing while the path stands", async () => {
  const { made, transport, asked } = await path()
  transport.become("connected")
  made.find(false)
  await vi.advanceTimersByTimeAsync(5_000)
  expect(asked).not.toHaveBeenCalled()
})

test("a short disconnection is waited for, a longer one restarts ICE", async () => {
  const { transport, asked } = await path()
  transport.become("connected")
  transport.become("disconnected")
  await vi.advanceTimersByTimeAsync(900)
  transport.become("connected")
  await vi.advanceTimersByTimeAsync(5_000)
  expect(asked).not.toHaveBeenCalled()
  transport.become("disconnected")
  await vi.advanceTimersByTimeAsync(1_000)
  expect(asked).toHaveBeenCalledTimes(1)
})

test("failure restarts at once, and only when that leads nowhere the media are made anew", async () => {
  const { transport, asked, broken } = await path()
  transport.become("connected")
  transport.become("failed")
  await vi.advanceTimersByTimeAsync(0)
  expect(asked).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(20_000)
  expect(broken).toHaveBeenCalledTimes(1)
})

test("media that never find a path are given up once, in ten seconds", async () => {
  const { broken } = await path()
  await vi.advanceTimersByTimeAsync(9_999)
  expect(broken).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(broken).toHaveBeenCalledTimes(1)
})

test("while the server cannot be asked nothing is given up; what it refuses is made anew", async () => {
  let code = "no_answer"
  const { made, transport, broken } = await path(() => Promise.reject({ code }))
  transport.become("connected")
  transport.become("failed")
  await vi.advanceTimersByTimeAsync(60_000)
  expect(broken).not.toHaveBeenCalled()
  code = "media_unavailable"
  made.find(false)
  await vi.advanceTimersByTimeAsync(0)
  expect(broken).toHaveBeenCalledTimes(1)
})
