/** How much each source sends, and what is asked of the devices. Bit rates in bit/s. */

import type { NewProducer } from "../protocol"

export const SCREEN_START_KBPS = 600
export const VP8 = "video/vp8"

export interface Size {
  width: number
  height: number
}

/** What this browser can do with a camera: `simulcast`, several encodings; `temporal`, frames that may be left out. */
export interface Able {
  simulcast: boolean
  temporal: boolean
}

export interface Encoding {
  maxBitrate: number
  maxFramerate?: number
  scaleResolutionDownBy?: number
  scalabilityMode?: string
}

/** From so many pixels on, so many encodings: Chromium drops the largest of more without a word. */
const LAYERS = [
  [960 * 540, 3],
  [480 * 270, 2],
  [0, 1],
] as const
/** From so many pixels on, so many bit/s. */
const RATES = [
  [1280 * 720, 1_300_000],
  [960 * 540, 800_000],
  [640 * 360, 400_000],
  [480 * 270, 250_000],
  [0, 120_000],
] as const
/** A picture that everybody gets in its one size, the smallest tile as well. */
const ALONE = 700_000
const FRAMES = 25

/** How a source is sent: the smallest picture first, as many as its real size gives. Only a camera has several. */
export function encodings(source: NewProducer["source"], size: Size, able: Able): Encoding[] {
  if (source === "microphone") return [{ maxBitrate: 32_000 }]
  if (source === "screen") return [{ maxBitrate: 800_000, maxFramerate: 5 }]
  const pixels = size.width * size.height
  const mode = able.temporal ? { scalabilityMode: "L1T3" } : {}
  const common = { maxFramerate: FRAMES, ...mode }
  if (!able.simulcast) return [{ maxBitrate: Math.min(ALONE, from(RATES, pixels)), ...common }]
  const count = from(LAYERS, pixels)
  return Array.from({ length: count }, (_, place) => {
    const down = 2 ** (count - 1 - place)
    const scale = count > 1 ? { scaleResolutionDownBy: down } : {}
    return { maxBitrate: from(RATES, pixels / down ** 2), ...common, ...scale }
  })
}

/**
 * Which of a producer's encodings are to be sent when `watched` are the rids that anybody takes (`null`: not said yet).
 * With nobody watching the smallest goes on: the relay sees that the camera lives, and whoever looks next sees at once.
 */
export function active(rids: readonly string[], watched: readonly string[] | null): boolean[] {
  if (!watched) return rids.map(() => true)
  const wanted = rids.map((rid) => watched.includes(rid))
  return wanted.includes(true) ? wanted : rids.map((_, place) => place === 0)
}

/** The size of what a track gives; a camera that does not say is taken for a middling one. */
export function sizeOf(track: MediaStreamTrack): Size {
  const { width = 640, height = 360 } = track.getSettings()
  return { width, height }
}

/** Whether the browser takes `L1T3`: it says so by keeping what it was told. */
export function takesTemporalLayers(): boolean {
  const scratch = new RTCPeerConnection()
  try {
    const init = { direction: "sendonly", sendEncodings: [{ scalabilityMode: "L1T3" }] }
    const { sender } = scratch.addTransceiver("video", init as RTCRtpTransceiverInit)
    const [kept] = sender.getParameters().encodings as { scalabilityMode?: string }[]
    return kept?.scalabilityMode === "L1T3"
  } catch {
    return false
  } finally {
    scratch.close()
  }
}

/**
 * Whether a camera may be sent in several sizes: VP8 alone may. mediasoup-client's handler for Safari tells sizes apart
 * by SSRC alone, and the relay goes by rid (RFC 8852).
 */
export function takesSizes(codec: string | undefined, handler: string): boolean {
  return codec === VP8 && handler !== "Safari12"
}

function from<Value>(steps: readonly (readonly [number, Value])[], pixels: number): Value {
  return steps.find(([least]) => pixels >= least)![1]
}

export function microphoneConstraints(device: string | null): MediaTrackConstraints {
  return {
    ...(device ? { deviceId: { ideal: device } } : {}),
    channelCount: 1,
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
  }
}

export function cameraConstraints(device: string | null): MediaTrackConstraints {
  return {
    ...(device ? { deviceId: { ideal: device } } : {}),
    width: { ideal: 1280, max: 1280 },
    height: { ideal: 720, max: 720 },
    frameRate: { ideal: FRAMES, max: FRAMES },
  }
}

export const SCREEN: DisplayMediaStreamOptions = { video: { frameRate: { ideal: 5, max: 5 } }, audio: false }
