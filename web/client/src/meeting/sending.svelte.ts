/** What this site sends: microphone, camera, screen. The one place that switches them. */

import type { LocalDevices, Kind } from "../media/devices.svelte"
import { SCREEN } from "../media/encodings"
import type { Media, Source } from "../media/media"
import type { Devices } from "../protocol"

export class Sending {
  microphone = $state(false)
  camera = $state(false)
  screen = $state(false)
  /** Told whenever what is sent has changed. */
  onchange: () => void = () => {}
  /** The sharing was ended by the browser's own button. */
  onscreenended: () => void = () => {}

  #devices: LocalDevices
  #media: Media | null = null
  #screenTrack: MediaStreamTrack | null = null

  constructor(devices: LocalDevices) {
    this.#devices = devices
  }

  /** The tracks that a new `Media` starts with; a switched-off microphone comes along silent. */
  tracks(): Partial<Record<Source, MediaStreamTrack>> {
    const { microphone, camera } = this.#devices.tracks
    if (microphone) microphone.enabled = this.microphone
    return {
      ...(microphone ? { microphone } : {}),
      ...(camera && this.camera ? { camera } : {}),
      ...(this.#screenTrack ? { screen: this.#screenTrack } : {}),
    }
  }

  /** From now on what is sent goes through `media`; what was switched meanwhile is caught up with. */
  attach(media: Media | null): void {
    this.#media = media
    if (!media?.canSend) return
    const { microphone, camera } = this.#devices.tracks
    if (!this.microphone) media.pause("microphone")
    else if (microphone) void media.send("microphone", microphone)
    if (!this.camera) void media.rest("camera")
    else if (camera && !media.producers.has("camera")) void media.send("camera", camera)
  }

  /** Switches the microphone. Gives whether it is now as wished. */
  async setMicrophone(on: boolean): Promise<boolean> {
    if (!on) {
      this.microphone = false
      if (this.#devices.tracks.microphone) this.#devices.tracks.microphone.enabled = false
      this.#media?.pause("microphone")
      this.onchange()
      return true
    }
    const track = await this.#devices.acquire("microphone")
    if (!track) return false
    track.enabled = true
    this.microphone = true
    if (this.#media?.canSend) await this.#media.send("microphone", track)
    this.onchange()
    return true
  }

  /** Switches the camera; switched off, the device is let go and its lamp goes out. */
  async setCamera(on: boolean): Promise<boolean> {
    if (!on) {
      this.camera = false
      await this.#media?.rest("camera")
      this.#devices.release("camera")
      this.onchange()
      return true
    }
    const track = await this.#devices.acquire("camera")
    if (!track) return false
    this.camera = true
    if (this.#media?.canSend) await this.#media.send("camera", track)
    this.onchange()
    return true
  }

  /** Another device, as loud or as silent as the one before. */
  async choose(kind: Kind, device: string): Promise<void> {
    const track = await this.#devices.choose(kind, device)
    if (!track) return
    track.enabled = this[kind]
    await this.#media?.replace(kind, track)
  }

  /** Lets the user pick a screen or window; `false` when they think better of it. */
  async pickScreen(): Promise<boolean> {
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia(SCREEN)
      const track = stream.getVideoTracks()[0]
      if (!track) return false
      track.contentHint = "detail"
      track.addEventListener("ended", () => {
        if (this.#screenTrack === track) this.onscreenended()
      })
      this.#screenTrack = track
      return true
    } catch {
      return false
    }
  }

  async startScreen(): Promise<void> {
    if (!this.#screenTrack) return
    this.screen = true
    if (this.#media?.canSend) await this.#media.send("screen", this.#screenTrack)
  }

  async stopScreen(): Promise<void> {
    this.screen = false
    this.#screenTrack?.stop()
    this.#screenTrack = null
    await this.#media?.end("screen").catch(() => {})
  }

  /** As the protocol tells it to the others. */
  view(consents: boolean): Devices {
    return { microphone: this.microphone, camera: this.camera, consents_to_open: consents }
  }

  /** The device went away: what it fed is off. */
  async lost(kind: Kind): Promise<void> {
    if (kind === "microphone") await this.setMicrophone(false)
    else if (this.camera) await this.setCamera(false)
  }
}
