/** One visit of a ticket: from the join page through lobby and Room to the end. Owns the wire, the media, the state. */

import type { Device } from "mediasoup-client"
import type { JoinInfo } from "../api"
import { explain, t } from "../i18n/locale"
import { LocalDevices } from "../media/devices.svelte"
import { loadDevice, Media } from "../media/media"
import { lossBetween, mediaStats, NOTHING, roundTrip } from "../media/stats"
import type { AnyAct, Entered, MediaOffer, Posted, Snapshot } from "../protocol"
import { get, problemOf } from "../ui/http"
import { say } from "../ui/toasts.svelte"
import { Announcer } from "./announcer.svelte"
import { synchronise } from "./clock"
import { judge, type Quality } from "./network"
import { news } from "./news"
import { keepSeat, keptSeat, leaveSeat, type Seat } from "./seat"
import { Sending } from "./sending.svelte"
import { begin, hear, mayShare, mine, type RoomState } from "./state"
import { tickNow } from "./ticker.svelte"
import { Refusal, Wire } from "./wire"

export type Ending = "left" | "refused" | "replaced" | "adjourned" | "cancelled"
export type Phase =
  | { name: "loading" }
  | { name: "problem"; code: string; facts: Record<string, string | number> }
  | { name: "join" }
  | { name: "lobby" }
  | { name: "room" }
  | { name: "ended"; reason: Ending }

const OVER: Record<string, string> = {
  adjourned: "meeting_adjourned",
  approved: "meeting_adjourned",
  cancelled: "meeting_cancelled",
}
/** Refusals that another try does not mend. */
const FINAL = new Set([
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
const QUALITY_EVERY = 3000
const LEAVE_WITHIN = 1500
const AGAIN_AFTER = [500, 1000, 2000, 4000, 8000]

export class Visit {
  phase: Phase = $state.raw({ name: "loading" })
  info: JoinInfo | null = $state.raw(null)
  room: RoomState | null = $state.raw(null)
  media: Media | null = $state.raw(null)
  seat: Seat = $state({
    person: "",
    people: 1,
    listenOnly: false,
    acknowledged: false,
    consents: false,
    camera: true,
  })
  /** The click on *Vào họp* is being answered. */
  entering = $state(false)
  /** Since when the connection is lost (ms, this browser's clock). */
  lostSince: number | null = $state(null)
  quality: Quality = $state("unknown")
  /** The chair gave me the floor and my microphone has not been on since. */
  readonly called = $derived.by(() => {
    const turn = this.room?.floor.turn
    return turn?.site === this.room?.me && turn?.since !== this.#answered && !mine(this.room!)?.muted
  })

  readonly ticket: string
  readonly devices = new LocalDevices()
  readonly sending = new Sending(this.devices)
  readonly announcer = new Announcer()

  /** The turn of mine in which the microphone has been on. */
  #answered: string | undefined = $state()
  #wire: Wire | null = null
  #device: Promise<Device> | null = null
  #inside = false
  #wish: "resume" | "anew" | null = null
  #pumping = false
  #failures = 0
  #resyncing = false
  #measured = NOTHING
  #lastWord: Quality = "unknown"
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(ticket: string) {
    this.ticket = ticket
    this.sending.onchange = () => {
      this.#noteAnswer()
      this.#tellDevices()
    }
    this.sending.onscreenended = () => void this.stopSharing()
    this.devices.onlost = (kind) => {
      say(t(`room.device.lost_${kind}`), { tone: "bad" })
      void this.sending.lost(kind)
    }
    this.devices.onfound = (kind) => void this.devices.acquire(kind)
  }

  /** Reads the invitation and warms everything that the click will need. A kept seat is taken again at once. */
  async start(): Promise<void> {
    try {
      this.info = await get<JoinInfo>(`/join/${encodeURIComponent(this.ticket)}`)
    } catch (error) {
      this.#problem(problemOf(error))
      return
    }
    const over = OVER[this.info.state]
    if (over) {
      this.#problem({ code: over, facts: {} })
      return
    }
    if (!("RTCPeerConnection" in window)) {
      this.#problem({ code: "browser_too_old", facts: {} })
      return
    }
    this.#warm()
    const kept = keptSeat(this.ticket)
    if (kept) {
      this.seat = kept
      this.sending.microphone = false
      if (!kept.listenOnly) await this.devices.open({ microphone: true, camera: kept.camera })
      this.sending.camera = kept.camera && this.devices.tracks.camera !== null
      this.#go()
      return
    }
    this.seat.person = this.info.person
    this.phase = { name: "join" }
  }

  /** The click on *Vào họp* or *Vào chỉ nghe*. */
  enter(listenOnly: boolean): void {
    performance.mark("nghisu.join-click")
    this.seat.listenOnly = listenOnly
    this.seat.camera = this.sending.camera
    if (listenOnly) {
      this.sending.microphone = false
      this.sending.camera = false
      this.devices.release("microphone")
      this.devices.release("camera")
    }
    this.#go()
  }

  /** From listening only to taking part: the same seat, now with microphone and camera. */
  async takePart(): Promise<void> {
    await this.devices.open({ microphone: true, camera: false })
    this.seat.listenOnly = false
    this.#want("anew")
  }

  /** Asks the Room for something. A refusal is said in words; gives whether it was accepted. */
  async act(act: AnyAct): Promise<boolean> {
    try {
      await this.#wire?.call("act", act)
      return true
    } catch (error) {
      say(explain(error instanceof Refusal ? error : problemOf(error)), { tone: "bad" })
      return false
    }
  }

  async toggleMicrophone(): Promise<void> {
    const on = !this.sending.microphone
    const me = this.room && mine(this.room)
    if (on && me?.muted) {
      const locked = this.room?.meeting.microphones === "by_floor" && this.room.floor.turn?.site !== me.id
      const sentence = t(locked ? "room.mic.locked" : "room.mic.muted")
      say(sentence)
      return
    }
    if (!(await this.sending.setMicrophone(on))) {
      say(t(`room.access.${this.devices.access.microphone}_microphone`), { tone: "bad" })
      return
    }
    this.announcer.interrupt(t(on ? "room.mic.now_on" : "room.mic.now_off"))
  }

  async toggleCamera(): Promise<void> {
    const on = !this.sending.camera
    if (!(await this.sending.setCamera(on))) {
      say(t(`room.access.${this.devices.access.camera}_camera`), { tone: "bad" })
      return
    }
    this.seat.camera = on
    if (this.#inside) keepSeat(this.ticket, this.seat)
  }

  async share(): Promise<void> {
    if (this.room && !mayShare(this.room)) return void say(explain({ code: "floor_not_held" }))
    if (!(await this.sending.pickScreen())) return
    if (await this.act({ act: "start_share" })) {
      await this.sending.startScreen().catch(() => this.stopSharing())
    } else await this.sending.stopScreen()
  }

  async stopSharing(): Promise<void> {
    await this.sending.stopScreen()
    if (this.room?.share === this.room?.me) await this.act({ act: "end_share" })
  }

  setConsent(consents: boolean): void {
    this.seat.consents = consents
    if (this.#inside) keepSeat(this.ticket, this.seat)
    this.#tellDevices()
  }

  async leave(): Promise<void> {
    this.#inside = false
    const left = this.#wire?.call("act", { act: "leave" }).catch(() => {})
    await Promise.race([left, new Promise((done) => setTimeout(done, LEAVE_WITHIN))])
    this.#end("left")
  }

  /** The recording notice was read after all: said to the Room, media go on. */
  acknowledge(): void {
    this.seat.acknowledged = true
    this.#want("resume")
  }

  /** Tries the connection at once. */
  retry(): void {
    this.#wire?.retry()
  }

  stats() {
    return mediaStats(this.media)
  }

  #go(): void {
    this.entering = true
    this.#inside = true
    this.#want("anew")
  }

  #warm(): void {
    this.#device ??= get<Record<string, unknown>>("/rtp-capabilities").then(loadDevice)
    this.#device.catch(() => (this.#device = null))
    this.#wire ??= new Wire(this.ticket, {
      connected: () => {
        if (this.#inside) this.#want(this.media ? "resume" : "anew")
        else this.lostSince = null
      },
      lost: () => {
        this.lostSince ??= Date.now()
        if (this.#inside) this.announcer.interrupt(t("room.connection.lost"))
      },
      refused: (refusal) => this.#problem(refusal),
      letter: (posted) => this.#letter(posted),
    })
  }

  #want(wish: "resume" | "anew"): void {
    this.#wish = this.#wish === "anew" ? "anew" : wish
    void this.#pump()
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
      this.#warm()
      const device = await this.#device!
      const asked = Date.now()
      const entered = await this.#wire!.call<Entered>("enter", {
        rtp_capabilities: device.recvRtpCapabilities,
        person: this.seat.person,
        people: this.seat.people,
        listen_only: this.seat.listenOnly,
        acknowledged: this.seat.acknowledged,
        devices: this.sending.view(this.seat.consents),
        resume,
        endpoint: resume ? (this.media?.endpoint ?? null) : null,
      })
      synchronise(entered.snapshot.now, asked, Date.now())
      tickNow()
      await this.#entered(device, entered)
      this.#failures = 0
    } catch (error) {
      const refusal = error instanceof Refusal ? error : problemOf(error)
      const patient = this.phase.name === "room" || this.#failures < PATIENCE
      if (patient && !FINAL.has(refusal.code)) this.#later()
      else this.#problem(refusal)
    }
  }

  async #entered(device: Device, entered: Entered): Promise<void> {
    this.room = begin(entered.snapshot, this.room ?? undefined)
    this.lostSince = null
    this.entering = false
    keepSeat(this.ticket, this.seat)
    if (entered.waiting) {
      this.#drop()
      this.phase = { name: "lobby" }
      return
    }
    const made = entered.resumed ? null : this.#make(device, entered.media)
    this.phase = { name: "room" }
    this.#timer ??= setInterval(() => void this.#measure(), QUALITY_EVERY)
    await made
  }

  async #make(device: Device, offer: MediaOffer | null): Promise<void> {
    this.#drop()
    if (!offer) {
      this.room = this.room && { ...this.room, relay: "lost" }
      return
    }
    const media = new Media(device, offer, {
      connect: (body) => this.#wire!.call("connect_media", body),
      produce: (body) => this.#wire!.call("produce", body),
      closeProducer: (source) => this.#wire!.call("close_producer", { source }),
    })
    media.onbroken = () => {
      if (this.media === media) this.#drop()
      this.#later()
    }
    this.room = this.room && { ...this.room, shows: offer.shows, relay: "ready" }
    try {
      await media.prepare(offer, this.sending.tracks())
      this.media = media
      this.sending.attach(media)
      await media.connect()
    } catch (error) {
      if (this.media === media) this.#drop()
      media.close()
      throw error
    }
  }

  /** Enters again with new media, after a while that grows. */
  #later(): void {
    const wait = AGAIN_AFTER[Math.min(this.#failures++, AGAIN_AFTER.length - 1)]!
    setTimeout(() => {
      if (this.#inside) this.#want("anew")
    }, wait)
  }

  #drop(): void {
    this.sending.attach(null)
    this.media?.close()
    this.media = null
    if (this.room) this.room = { ...this.room, shows: {}, speaking: [] }
  }

  #letter(posted: Posted): void {
    for (const message of posted.messages) {
      if (message.kind === "turned_away") return this.#end(message.reason)
      if (message.kind === "seated") this.#want("anew")
      if (message.kind === "media_ready") this.#want("anew")
      if (message.kind === "media_lost") this.#drop()
      if (message.kind === "invited_to_speak") void this.#invited()
    }
    if (!this.room) return
    const { state, gap } = hear(this.room, posted)
    if (gap) return void this.#resync()
    this.#moved(this.room, state)
  }

  async #resync(): Promise<void> {
    if (this.#resyncing) return
    this.#resyncing = true
    try {
      const snapshot = await this.#wire!.call<Snapshot>("resync")
      if (this.room && snapshot.seq >= this.room.seq) this.#moved(this.room, begin(snapshot, this.room))
    } catch {
      this.#want("resume")
    } finally {
      this.#resyncing = false
    }
  }

  #moved(before: RoomState, after: RoomState): void {
    this.room = after
    this.#noteAnswer()
    for (const item of news(before, after)) this.announcer.tell(t(item.key, item.facts))
    if (after.meeting.state === "adjourned") return this.#end("adjourned")
    if (this.sending.screen && after.share !== after.me && before.share === after.me)
      void this.sending.stopScreen()
    this.#heedMute(before, after)
  }

  /** What the chair did to my microphone is said plainly, and my own switch follows. */
  #heedMute(before: RoomState, after: RoomState): void {
    const was = mine(before)?.muted ?? false
    const now = mine(after)?.muted ?? false
    if (was === now) return
    const hadTurn = before.floor.turn?.site === after.me && after.floor.turn?.site !== after.me
    const hasTurn = after.floor.turn?.site === after.me && before.floor.turn?.site !== after.me
    if (now && this.sending.microphone) {
      void this.sending.setMicrophone(false)
      const sentence = t(hadTurn ? "room.mic.turn_over" : "room.mic.muted")
      say(sentence)
      this.announcer.interrupt(sentence)
    }
    if (!now && !hasTurn && before.meeting.state === after.meeting.state && !this.sending.microphone) {
      say(t("room.mic.allowed"))
    }
  }

  async #invited(): Promise<void> {
    const opened = this.seat.consents && !this.sending.microphone && (await this.sending.setMicrophone(true))
    const on = opened || this.sending.microphone
    this.announcer.interrupt(t(on ? "room.mic.invited_on" : "room.mic.invited_off"))
  }

  #noteAnswer(): void {
    const turn = this.room?.floor.turn
    if (this.sending.microphone && turn?.site === this.room?.me) this.#answered = turn?.since
  }

  #tellDevices(): void {
    if (!this.#inside || !this.#wire?.connected) return
    this.#wire.call("devices", this.sending.view(this.seat.consents)).catch(() => {})
  }

  async #measure(): Promise<void> {
    if (!this.media) return
    try {
      const after = await mediaStats(this.media)
      const word = judge(lossBetween(this.#measured, after), roundTrip(after))
      this.#measured = after
      const twice = word === this.#lastWord
      this.#lastWord = word
      if (!twice || word === this.quality || word === "unknown") return
      this.quality = word
      await this.#wire?.call("quality", { quality: word })
    } catch {
      this.quality = "unknown"
    }
  }

  #problem({ code, facts }: { code: string; facts: Record<string, string | number> }): void {
    this.#close()
    this.phase = { name: "problem", code, facts }
  }

  #end(reason: Ending): void {
    this.#close()
    this.phase = { name: "ended", reason }
  }

  #close(): void {
    this.#inside = false
    this.entering = false
    leaveSeat(this.ticket)
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#drop()
    this.#wire?.close()
    this.#wire = null
    this.devices.close()
    if (this.sending.screen) void this.sending.stopScreen()
  }
}
