/** Keeps the transports of one `Media` on a path that works: ICE is restarted before anything is made anew. */

import type { Transport } from "mediasoup-client/types"
import type { IceRestarted } from "../protocol"

/**
 * How long UDP and TCP may take before a TURN server is tried, and the least between two restarts. mediasoup-client
 * does not say `failed` when nothing is left to try while its state is still `new`. All times in milliseconds.
 */
const DIRECT = 2_000
const FIRST = 10_000
const RESTARTED = 6_000
const DISCONNECTED = 1_000

export interface Ends {
  /** Asks for new ICE parameters. Throws `Refusal`; `no_answer` when the server cannot be asked now. */
  restart(): Promise<IceRestarted>
  /** No path was found in time: the media must be made anew. Called once. */
  broken(): void
}

/** Whether this browser once found no path without a TURN server: then the next media have one from the start. */
let relayed = false

export function neededRelay(): boolean {
  return relayed
}

export class Path {
  #transports: Transport[]
  #ends: Ends
  #expected = new Set<Transport>()
  #timers = new Map<string, ReturnType<typeof setTimeout>>()
  #restarted = -Infinity
  #restarting = false
  /** UDP and TCP alone have not led there. */
  #hard = false
  #closed = false

  /** `transports`: the receiving one and, where there is one, the sending one. */
  constructor(transports: Transport[], ends: Ends) {
    this.#transports = transports
    this.#ends = ends
    for (const transport of transports) {
      transport.on("connectionstatechange", (state) => this.#watch(transport, state))
    }
  }

  /** These must find their path now, for the first time. */
  begin(expected: Transport[]): void {
    for (const transport of expected) this.#expected.add(transport)
    this.#await(FIRST)
  }

  /** Looks for a path anew where there is none, or where there may be none any more (`anyway`). */
  find(anyway: boolean): void {
    if (!anyway && !this.#lost()) return
    const since = performance.now() - this.#restarted
    if (since < DIRECT) this.#later("again", DIRECT - since, () => this.find(anyway))
    else void this.#restart()
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
  }

  /** Media go on meanwhile, where they can. */
  async #restart(): Promise<void> {
    if (this.#closed || this.#restarting) return
    this.#restarting = true
    try {
      const made = await this.#ends.restart()
      this.#restarted = performance.now()
      await this.#take(made)
      this.#await(RESTARTED)
    } catch (error) {
      const { code, name } = error as { code?: string; name?: string }
      // Firefox takes no further servers for a connection: the next media have them from the start.
      if (name === "UnsupportedError") relayed = true
      if (code !== "no_answer") this.#break()
    } finally {
      this.#restarting = false
    }
  }

  async #take(made: IceRestarted): Promise<void> {
    const parameters = [made.receive, made.send]
    const iceServers = (relayed || this.#hard ? made.ice_servers : null) ?? []
    await Promise.all(
      this.#transports.map(async (transport, place) => {
        if (iceServers.length > 0) await transport.updateIceServers({ iceServers })
        if (parameters[place]) await transport.restartIce({ iceParameters: parameters[place] as never })
      }),
    )
  }

  #watch(transport: Transport, state: string): void {
    if (state === "connected") this.#settle()
    else if (state === "disconnected") {
      this.#expected.add(transport)
      this.#hard ||= performance.now() - this.#restarted < RESTARTED
      this.#later("disconnected", DISCONNECTED, () => this.find(false))
    } else if (state === "failed") {
      this.#expected.add(transport)
      this.#hard = true
      this.find(false)
    }
  }

  /** A path must be there `within` so many ms, however often ICE is restarted; TURN servers are tried before. */
  #await(within: number): void {
    if (!this.#timers.has("deadline")) this.#later("deadline", within, () => this.#break())
    if (!this.#hard)
      this.#later("direct", DIRECT, () => {
        this.#hard = true
        this.find(false)
      })
    this.#settle()
  }

  /** Whether a transport that must have a path has none. */
  #lost(): boolean {
    return [...this.#expected].some((transport) => transport.connectionState !== "connected")
  }

  #settle(): void {
    if (this.#lost()) return
    relayed ||= this.#hard
    this.#hard = false
    for (const name of ["direct", "deadline", "disconnected"]) {
      clearTimeout(this.#timers.get(name))
      this.#timers.delete(name)
    }
  }

  #later(name: string, after: number, act: () => void): void {
    clearTimeout(this.#timers.get(name))
    if (!this.#closed) this.#timers.set(name, setTimeout(act, after))
  }

  #break(): void {
    if (this.#closed) return
    this.close()
    this.#ends.broken()
  }
}
