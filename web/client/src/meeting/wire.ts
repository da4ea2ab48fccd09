/** The one Socket.IO connection of a ticket: acknowledged calls out, letters in. Reconnects by itself. */

import { io, type Socket } from "socket.io-client"
import type { Failure, Posted } from "../protocol"

const ANSWER_WITHIN = 10_000

/** The server refused a call or the connection: a stable code and its facts. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    readonly facts: Record<string, string | number> = {},
  ) {
    super(code)
  }
}

export interface Listener {
  /** Connected, for the first time or again. */
  connected(): void
  /** The connection broke; the library tries again. */
  lost(): void
  /** The server does not want this ticket; nothing is tried again. */
  refused(refusal: Refusal): void
  letter(posted: Posted): void
}

type Answer = { ok: unknown } | { error: Failure }

export class Wire {
  #socket: Socket

  constructor(ticket: string, listener: Listener) {
    this.#socket = io("/meeting", {
      path: "/socket.io",
      transports: ["websocket"],
      auth: { ticket },
      reconnectionDelay: 400,
      reconnectionDelayMax: 4000,
      timeout: 8000,
    })
    this.#socket.on("connect", () => listener.connected())
    this.#socket.on("disconnect", (reason) => {
      listener.lost()
      if (reason === "io server disconnect") this.#socket.connect()
    })
    this.#socket.on("connect_error", (error: Error & { data?: Failure }) => {
      if (error.data?.code) listener.refused(new Refusal(error.data.code, error.data.facts))
      else if (!this.#socket.active) this.#socket.connect()
    })
    this.#socket.on("letter", (posted: Posted) => listener.letter(posted))
  }

  get connected(): boolean {
    return this.#socket.connected
  }

  /** Asks and waits. Throws `Refusal` with the server's code, or `no_answer` when none comes in time. */
  async call<Ok>(name: string, body: object = {}, within = ANSWER_WITHIN): Promise<Ok> {
    let answer: Answer
    try {
      answer = (await this.#socket.timeout(within).emitWithAck(name, body)) as Answer
    } catch {
      throw new Refusal("no_answer")
    }
    if (answer && "error" in answer) throw new Refusal(answer.error.code, answer.error.facts)
    return answer?.ok as Ok
  }

  /** Tries to connect at once instead of after the pause. */
  retry(): void {
    if (!this.#socket.connected) this.renew()
  }

  /** Connects anew: what seems connected may be so over a network that is gone. */
  renew(): void {
    this.#socket.disconnect().connect()
  }

  close(): void {
    this.#socket.removeAllListeners()
    this.#socket.disconnect()
  }
}
