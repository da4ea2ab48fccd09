/** The microphone, camera and speaker of this browser: what there is, what is allowed, what is chosen. */

import { cameraConstraints, microphoneConstraints } from "./encodings"

export type Kind = "microphone" | "camera"
/** `asking`: the browser's question is open. `blocked`: refused. `missing`: no such device. `busy`: taken by another program. */
export type Access = "unknown" | "asking" | "granted" | "blocked" | "missing" | "busy" | "unsupported"

const KEPT = "nghisu.devices"
type Choice = { microphone: string | null; camera: string | null; speaker: string | null }

function kept(): Choice {
  try {
    return {
      microphone: null,
      camera: null,
      speaker: null,
      ...JSON.parse(localStorage.getItem(KEPT) ?? "{}"),
    }
  } catch {
    return { microphone: null, camera: null, speaker: null }
  }
}

export class LocalDevices {
  microphones: MediaDeviceInfo[] = $state.raw([])
  cameras: MediaDeviceInfo[] = $state.raw([])
  speakers: MediaDeviceInfo[] = $state.raw([])
  access: Record<Kind, Access> = $state({ microphone: "unknown", camera: "unknown" })
  chosen: Choice = $state(kept())
  tracks: Record<Kind, MediaStreamTrack | null> = $state.raw({ microphone: null, camera: null })
  /** A device went away while it was in use. */
  onlost: (kind: Kind) => void = () => {}
  /** A device was allowed or plugged in after all. */
  onfound: (kind: Kind) => void = () => {}

  #ended = new AbortController()

  constructor() {
    if (!navigator.mediaDevices) {
      this.access = { microphone: "unsupported", camera: "unsupported" }
      return
    }
    const { signal } = this.#ended
    navigator.mediaDevices.addEventListener("devicechange", () => void this.#changed(), { signal })
    for (const kind of ["microphone", "camera"] as const) void this.#watch(kind, signal)
  }

  /** Asks for both at once (one question of the browser); what is refused or missing is asked for no further. */
  async open(wanted: Record<Kind, boolean>): Promise<void> {
    const kinds = (["microphone", "camera"] as const).filter((kind) => wanted[kind] && !this.tracks[kind])
    if (kinds.length === 2) {
      this.access = { microphone: "asking", camera: "asking" }
      try {
        const stream = await navigator.mediaDevices.getUserMedia({
          audio: microphoneConstraints(this.chosen.microphone),
          video: cameraConstraints(this.chosen.camera),
        })
        this.#take("microphone", stream.getAudioTracks()[0])
        this.#take("camera", stream.getVideoTracks()[0])
        await this.list()
        return
      } catch (error) {
        if (verdict(error) === "blocked" && !(await this.#someAllowed())) {
          this.access = { microphone: "blocked", camera: "blocked" }
          return
        }
      }
    }
    for (const kind of kinds) await this.acquire(kind)
  }

  /** A live track of `kind`, the one in use or a new one; `null` when there is none to be had. */
  async acquire(kind: Kind): Promise<MediaStreamTrack | null> {
    const held = this.tracks[kind]
    if (held?.readyState === "live") return held
    if (!navigator.mediaDevices) return null
    this.access[kind] = "asking"
    try {
      const stream = await navigator.mediaDevices.getUserMedia(
        kind === "microphone"
          ? { audio: microphoneConstraints(this.chosen.microphone) }
          : { video: cameraConstraints(this.chosen.camera) },
      )
      this.#take(kind, stream.getTracks()[0])
    } catch (error) {
      this.access[kind] = verdict(error)
      return null
    }
    await this.list()
    return this.tracks[kind]
  }

  /** Lets a device go: its lamp goes out. */
  release(kind: Kind): void {
    this.tracks[kind]?.stop()
    this.tracks = { ...this.tracks, [kind]: null }
  }

  /** Another device from now on. Gives the new track when one was in use; it is as silent or loud as the old one. */
  async choose(kind: Kind | "speaker", device: string): Promise<MediaStreamTrack | null> {
    this.chosen[kind] = device
    localStorage.setItem(KEPT, JSON.stringify(this.chosen))
    if (kind === "speaker") return null
    const held = this.tracks[kind]
    if (!held && this.access[kind] === "granted") return null
    const enabled = held?.enabled ?? true
    this.release(kind)
    const track = await this.acquire(kind)
    if (track) track.enabled = enabled
    return track
  }

  /** The device in use, or the one that would be. */
  current(kind: Kind): string {
    return this.tracks[kind]?.getSettings().deviceId ?? this.chosen[kind] ?? ""
  }

  async list(): Promise<void> {
    const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? []
    const of = (kind: MediaDeviceKind) =>
      all.filter((device) => device.kind === kind && device.deviceId !== "")
    this.microphones = of("audioinput")
    this.cameras = of("videoinput")
    this.speakers = of("audiooutput")
  }

  close(): void {
    this.#ended.abort()
    this.release("microphone")
    this.release("camera")
  }

  #take(kind: Kind, track: MediaStreamTrack | undefined): void {
    if (!track) return
    track.addEventListener("ended", () => {
      if (this.tracks[kind] !== track) return
      this.tracks = { ...this.tracks, [kind]: null }
      this.onlost(kind)
    })
    this.tracks = { ...this.tracks, [kind]: track }
    this.access[kind] = "granted"
  }

  async #someAllowed(): Promise<boolean> {
    const states = await Promise.all([permission("microphone"), permission("camera")])
    return states.some((status) => status?.state === "granted")
  }

  async #watch(kind: Kind, signal: AbortSignal): Promise<void> {
    const status = await permission(kind)
    if (!status) return
    const look = () => {
      if (status.state === "granted" && this.access[kind] === "blocked") this.onfound(kind)
      if (status.state === "denied") this.access[kind] = "blocked"
    }
    if (status.state === "denied") look()
    status.addEventListener("change", look, { signal })
  }

  async #changed(): Promise<void> {
    await this.list()
    if (this.access.microphone === "missing" && this.microphones.length > 0) this.onfound("microphone")
    if (this.access.camera === "missing" && this.cameras.length > 0) this.onfound("camera")
  }
}

async function permission(kind: Kind): Promise<PermissionStatus | null> {
  try {
    return await navigator.permissions.query({ name: kind as PermissionName })
  } catch {
    return null
  }
}

function verdict(error: unknown): Access {
  const name = error instanceof DOMException ? error.name : ""
  if (name === "NotAllowedError" || name === "SecurityError") return "blocked"
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing"
  return "busy"
}
