/** The connection of one ticket to its Room: enters, comes back, keeps the state by letters and the media by offers. */

import type { Device } from "mediasoup-client"
import { loadDevice, Media } from "../media/media"
import type {
  AnyAct,
  Enter,
  Entered,
  IceRestarted,
  MediaOffer,
  Posted,
  Snapshot,
  TurnedAway,
} from "../protocol"
import { get, problemOf } from "../ui/http"
import { synchronise } from "./clock"
import type { Sending } from "./sending.svelte"
import { begin, hear, type RoomState } from "./state"
import { watchMoves } from "./moves"
import { tickNow } from "./ticker.svelte"
import { Refusal, Wire } from "./wire"

export interface Follower {
  /** What is said of this site on entering. */
  introduction(): Omit<Enter, "rtp_capabilities" | "resume" | "endpoint">
  /** In the lobby (`waiting`) or seated; called again after each return. */
  entered(waiting: boolean): void
  moved(before: RoomState, after: RoomState): void
  invited(): void
  turnedAway(reason: TurnedAway["reason"]): void
  /** Entering was refused for good. */
  refused(refusal: { code: string; facts: Record<string, string | number> }): void
  lost(): void
}

/** Refusals that another try does not mend. */
export const FINAL: ReadonlySet<string> = new Set([
  "ticket_unknown",
  "ticket_expired",
  "meeting_adjourned",
  "meeting_cancelled",
  "refused_entry",
  "not_found",
  "not_allowed",
  "invalid",
])
const PATIENCE = 3
/** How long an act waits for the connection to come back, in milliseconds. */
const HELD_FOR = 15_000
/** How soon the server answers when the network is the one of before, in milliseconds. */
const AT_ONCE = 1_500
const AGAIN_AFTER = [500, 1000, 2000, 4000, 8000]

export class Session {
  room: RoomState | null = $state.raw(null)
  media: Media | null = $state.raw(null)
  /** Since when the connection is lost (ms, this browser's clock). */
  lostSince: number | null = $state(null)

  #ticket: string
  #sending: Sending
  #follower: Follower
  #wire: Wire | null = null
  #device: Promise<Device> | null = null
  #inside = false
  #wish: "resume" | "anew" | null = null
  #pumping = false
  #seated = false
  #failures = 0
  #resyncing = false
  #held: (() => void)[] = []
  /** The network is another one since the last entering; the connection of before would have hung for long. */
  #elsewhere = false
  #unwatch: (() => void) | null = null

  constructor(ticket: string, sending: Sending, follower: Follower) {
    this.#ticket = ticket
    this.#sending = sending
    this.#follower = follower
  }

  /** Connects and learns what the browser can carry, so that entering is quick. */
  warm(): void {
    this.#device ??= get<Record<string, unknown>>("/rtp-capabilities").then(loadDevice)
    this.#device.catch(() => (this.#device = null))
    this.#wire ??= new Wire(this.#ticket, {
      connected: () => {
        if (this.#inside) this.again(this.media ? "resume" : "anew")
        else this.lostSince = null
      },
      lost: () => {
        this.lostSince ??= Date.now()
        if (this.#inside) this.#follower.lost()
      },
      refused: (refusal) => this.#follower.refused(refusal),
      letter: (posted) => this.#letter(posted),
    })
  }

  /** Goes in, and stays in through every loss until `close`. */
  enter(): void {
    this.#inside = true
    this.#unwatch ??= watchMoves(() => {
      this.#elsewhere = true
      this.#wire?.renew()
    })
    this.again("anew")
  }

  /** Enters again: `resume` keeps the media where the relay still has them. */
  again(wish: "resume" | "anew"): void {
    this.#wish = this.#wish === "anew" ? "anew" : wish
    void this.#pump()
  }

  get inside(): boolean {
    return this.#inside
  }

  /** Throws `Refusal`. */
  async call<Ok>(name: string, body: object = {}): Promise<Ok> {
    if (!this.#wire?.connected) throw new Refusal("no_answer")
    return this.#wire.call<Ok>(name, body)
  }

  /** Does an act; while the connection is away it waits for its return. Throws `Refusal`. */
  async act(act: AnyAct): Promise<void> {
    if (this.lostSince !== null || !this.#wire?.connected) {
      const returned = new Promise<void>((done) => this.#held.push(done))
      const late = new Promise<never>((_, refuse) =>
        setTimeout(() => refuse(new Refusal("no_answer")), HELD_FOR),
      )
      await Promise.race([returned, late])
    }
    await this.call("act", act)
  }

  /** Tries the connection at once. */
  retry(): void {
    this.#wire?.retry()
  }

  close(): void {
    this.#inside = false
    this.#unwatch?.()
    this.#unwatch = null
    this.#drop()
    this.#wire?.close()
    this.#wire = null
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#wish && this.#inside && this.#wire?.connected) {
        const wish = this.#wish
        this.#wish = null
        await this.#enter(wish === "resume" && this.media !== null)
      }
    } finally {
      this.#pumping = false
    }
  }

  async #enter(resume: boolean): Promise<void> {
    try {
      this.warm()
      const device = await this.#device!
      const asked = Date.now()
      const entered = await this.call<Entered>("enter", {
        ...this.#follower.introduction(),
        rtp_capabilities: device.recvRtpCapabilities,
        resume,
        endpoint: resume ? (this.media?.endpoint ?? null) : null,
      })
      synchronise(entered.snapshot.now, asked, Date.now())
      tickNow()
      await this.#entered(device, entered)
      this.#failures = 0
    } catch (error) {
      if (!this.#inside) return
      const refusal = error instanceof Refusal ? error : problemOf(error)
      const patient = this.#seated || this.#failures < PATIENCE
      if (patient && !FINAL.has(refusal.code)) this.#later()
      else this.#follower.refused(refusal)
    }
  }

  async #entered(device: Device, entered: Entered): Promise<void> {
    this.room = begin(entered.snapshot, this.room ?? undefined)
    this.lostSince = null
    this.#seated = !entered.waiting
    if (entered.waiting) this.#drop()
    if (entered.resumed) this.media?.findPath(this.#elsewhere)
    this.#elsewhere = false
    const made = entered.waiting || entered.resumed ? null : this.#make(device, entered.media)
    this.#follower.entered(entered.waiting)
    for (const release of this.#held.splice(0)) release()
    await made
  }

  async #make(device: Device, offer: MediaOffer | null): Promise<void> {
    this.#drop()
    if (!offer) {
      this.room = this.room && { ...this.room, relay: "lost" }
      return
    }
    const media = new Media(device, offer, {
      connect: (body) => this.call("connect_media", body),
      produce: (body) => this.call("produce", body),
      closeProducer: (source) => this.call("close_producer", { source }),
      restartIce: () => this.#restartIce(offer.endpoint),
    })
    media.onbroken = () => {
      if (this.media === media) this.#drop()
      this.#later()
    }
    this.room = this.room && { ...this.room, shows: offer.shows, relay: "ready" }
    try {
      await media.prepare(offer, this.#sending.tracks())
      this.media = media
      this.#sending.attach(media)
      await media.connect()
    } catch (error) {
      if (this.media === media) this.#drop()
      media.close()
      throw error
    }
  }

  /** Without an answer the connection is made anew, and with it comes the next try. */
  async #restartIce(endpoint: string): Promise<IceRestarted> {
    const wire = this.#wire
    if (!wire?.connected) throw new Refusal("no_answer")
    try {
      return await wire.call<IceRestarted>("restart_ice", { endpoint }, AT_ONCE)
    } catch (error) {
      if (error instanceof Refusal && error.code === "no_answer" && wire.connected) wire.renew()
      throw error
    }
  }

  /** Enters again with new media, after a while that grows. */
  #later(): void {
    const wait = AGAIN_AFTER[Math.min(this.#failures++, AGAIN_AFTER.length - 1)]!
    setTimeout(() => {
      if (this.#inside) this.again("anew")
    }, wait)
  }

  #drop(): void {
    this.#sending.attach(null)
    this.media?.close()
    this.media = null
    if (this.room) this.room = { ...this.room, shows: {}, speaking: [] }
  }

  #letter(posted: Posted): void {
    for (const message of posted.messages) {
      if (message.kind === "turned_away") return this.#follower.turnedAway(message.reason)
      if (message.kind === "seated" || message.kind === "media_ready") this.again("anew")
      if (message.kind === "media_lost") this.#drop()
      if (message.kind === "send_encodings") void this.media?.watched(message.source, message.rids)
    }
    if (!this.room) return
    const { state, gap } = hear(this.room, posted)
    if (gap) void this.#resync()
    else this.#moved(state)
    if (posted.messages.some((message) => message.kind === "invited_to_speak")) this.#follower.invited()
  }

  #moved(after: RoomState): void {
    const before = this.room!
    this.room = after
    this.#follower.moved(before, after)
  }

  async #resync(): Promise<void> {
    if (this.#resyncing) return
    this.#resyncing = true
    try {
      const snapshot = await this.call<Snapshot>("resync")
      if (this.room && snapshot.seq >= this.room.seq) this.#moved(begin(snapshot, this.room))
    } catch {
      this.again("resume")
    } finally {
      this.#resyncing = false
    }
  }
}
