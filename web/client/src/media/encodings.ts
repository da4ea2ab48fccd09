/** How much each source sends, and what is asked of the devices. Bit rates in bit/s. */

import type { NewProducer } from "../protocol"

export const SCREEN_START_KBPS = 600

const ENCODINGS = {
  microphone: { maxBitrate: 32_000 },
  camera: { maxBitrate: 600_000, maxFramerate: 25 },
  screen: { maxBitrate: 800_000, maxFramerate: 5 },
} as const

export function encoding(source: NewProducer["source"]) {
  return { ...ENCODINGS[source] }
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
    width: { ideal: 640, max: 640 },
    height: { ideal: 360 },
    frameRate: { ideal: 20, max: 25 },
  }
}

export const SCREEN: DisplayMediaStreamOptions = { video: { frameRate: { ideal: 5, max: 5 } }, audio: false }
