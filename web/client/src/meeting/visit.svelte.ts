/** One visit of a ticket: from the join page through lobby and Room to the end, and what is done there. */

import type { JoinInfo } from "../api"
import { explain, t } from "../i18n/locale"
import { LocalDevices } from "../media/devices.svelte"
import type { Media } from "../media/media"
import { mediaStats } from "../media/stats"
import type { AnyAct, Look } from "../protocol"
import { get, problemOf } from "../ui/http"
import { say } from "../ui/toasts.svelte"
import { Announcer } from "./announcer.svelte"
import type { Quality } from "./network"
import { news } from "./news"
import { QualityWatch } from "./quality.svelte"
import { keepSeat, keptSeat, leaveSeat, type Seat } from "./seat"
import { Sending } from "./sending.svelte"
import { FINAL, Session } from "./session.svelte"
import { mayShare, mine, type RoomState } from "./state"
import { Refusal } from "./wire"

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
const LEAVE_WITHIN = 1500

export class Visit {
  phase: Phase = $state.raw({ name: "loading" })
  info: JoinInfo | null = $state.raw(null)
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
  /** The chair gave me the floor and my microphone has not been on since. */
  readonly called = $derived.by(() => {
    const turn = this.room?.floor.turn
    return turn?.site === this.room?.me && turn?.since !== this.#answered && !mine(this.room!)?.muted
  })

  readonly ticket: string
  readonly devices = new LocalDevices()
  readonly sending = new Sending(this.devices)
  readonly announcer = new Announcer()

  readonly #quality = new QualityWatch()
  readonly #session: Session
  /** The turn of mine in which the microphone has been on. */
  #answered: string | undefined = $state()

  constructor(ticket: string) {
    this.ticket = ticket
    this.#session = new Session(ticket, this.sending, {
      introduction: () => ({
        person: this.seat.person,
        people: this.seat.people,
        listen_only: this.seat.listenOnly,
        acknowledged: this.seat.acknowledged,
        devices: this.sending.view(this.seat.consents),
      }),
      entered: (waiting) => this.#entered(waiting),
      moved: (before, after) => this.#moved(before, after),
      invited: () => void this.#invited(),
      turnedAway: (reason) => this.#end(reason),
      refused: (refusal) => this.#problem(refusal),
      lost: () => this.announcer.interrupt(t("room.connection.lost")),
    })
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

  get room(): RoomState | null {
    return this.#session.room
  }

  get media(): Media | null {
    return this.#session.media
  }

  /** Since when the connection is lost (ms, this browser's clock). */
  get lostSince(): number | null {
    return this.#session.lostSince
  }

  get quality(): Quality {
    return this.#quality.word
  }

  set quality(word: Quality) {
    this.#quality.word = word
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
    this.#session.warm()
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
    this.#session.again("anew")
  }

  /** Asks the Room for something. A refusal is said in words; gives whether it was accepted. */
  async act(act: AnyAct): Promise<boolean> {
    try {
      await this.#session.act(act)
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
    if (this.#session.inside) keepSeat(this.ticket, this.seat)
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
    if (this.#session.inside) keepSeat(this.ticket, this.seat)
    this.#tellDevices()
  }

  async leave(): Promise<void> {
    const left = this.#session.call("act", { act: "leave" }).catch(() => {})
    await Promise.race([left, new Promise((done) => setTimeout(done, LEAVE_WITHIN))])
    this.#end("left")
  }

  /** The recording notice was read after all: said to the Room, media go on. */
  acknowledge(): void {
    this.seat.acknowledged = true
    this.#session.again("resume")
  }

  /** Tries the connection at once. */
  retry(): void {
    this.#session.retry()
  }

  /** Tells what this browser shows. Throws `Refusal`. */
  async look(look: Look): Promise<void> {
    await this.#session.call("look", look)
  }

  stats() {
    return mediaStats(this.media)
  }

  #go(): void {
    this.entering = true
    this.#session.enter()
  }

  #entered(waiting: boolean): void {
    this.entering = false
    keepSeat(this.ticket, this.seat)
    this.phase = { name: waiting ? "lobby" : "room" }
    if (waiting) return
    this.#quality.start(
      () => this.media,
      (quality) => void this.#session.call("quality", { quality }).catch(() => {}),
    )
  }

  #moved(before: RoomState, after: RoomState): void {
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
      const byChair = hasTurn || after.floor.turn?.site === after.me || after.meeting.microphones === "free"
      const sentence = t(hadTurn ? "room.mic.turn_over" : byChair ? "room.mic.muted" : "room.mic.locked")
      this.announcer.interrupt(sentence)
      if (!byChair || hadTurn) say(sentence)
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
    if (!this.#session.inside) return
    this.#session.call("devices", this.sending.view(this.seat.consents)).catch(() => {})
  }

  #problem({ code, facts }: { code: string; facts: Record<string, string | number> }): void {
    this.#close()
    if (FINAL.has(code)) leaveSeat(this.ticket)
    this.phase = { name: "problem", code, facts }
  }

  #end(reason: Ending): void {
    this.#close()
    leaveSeat(this.ticket)
    this.phase = { name: "ended", reason }
  }

  #close(): void {
    this.entering = false
    this.#quality.stop()
    this.#session.close()
    this.devices.close()
    if (this.sending.screen) void this.sending.stopScreen()
  }
}
