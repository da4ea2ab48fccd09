/** Ties streams to elements; Svelte attachments. */

import type { Attachment } from "svelte/attachments"

let marked = false

/** Shows a stream. Marks the page's first decoded remote frame when the element is a receiving slot. */
export function shows(stream: MediaStream | null | undefined, remote = false): Attachment<HTMLVideoElement> {
  return (video) => {
    video.srcObject = stream ?? null
    if (!stream) return
    video.play().catch(() => {})
    if (!remote || marked) return
    const handle = video.requestVideoFrameCallback?.(() => {
      if (!marked) performance.mark("nghisu.first-remote-frame")
      marked = true
    })
    return () => {
      if (handle !== undefined) video.cancelVideoFrameCallback(handle)
    }
  }
}

/** Plays a stream on a speaker; `refused` is told when the browser wants a click first. */
export function plays(
  stream: MediaStream | null | undefined,
  speaker: string | null,
  refused: () => void,
): Attachment<HTMLAudioElement> {
  return (audio) => {
    audio.srcObject = stream ?? null
    if (speaker) audio.setSinkId?.(speaker).catch(() => {})
    if (stream) {
      audio.play().catch((error: unknown) => {
        if (error instanceof DOMException && error.name === "NotAllowedError") refused()
      })
    }
  }
}
