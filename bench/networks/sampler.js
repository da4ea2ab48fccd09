// Four times a second: what the browser counts of its media, whom each slot shows, and the number that the picture bears.
(() => {
  const EVERY = 250
  const INBOUND = [
    "framesDecoded", "frameWidth", "frameHeight", "freezeCount", "totalFreezesDuration", "bytesReceived",
    "concealedSamples", "silentConcealedSamples", "totalSamplesReceived", "jitterBufferDelay",
    "jitterBufferEmittedCount", "nackCount", "pliCount",
  ]
  const connections = new Set()
  const own = new Set()
  const samples = []
  const Native = window.RTCPeerConnection

  window.RTCPeerConnection = class extends Native {
    constructor(...given) {
      super(...given)
      connections.add(this)
    }
    close() {
      connections.delete(this)
      super.close()
    }
  }

  const media = navigator.mediaDevices
  if (media) {
    const ask = media.getUserMedia.bind(media)
    media.getUserMedia = async (wanted) => {
      const stream = await ask(wanted)
      for (const track of stream.getVideoTracks()) own.add(track.id)
      return stream
    }
  }

  const canvas = new OffscreenCanvas(8, 1)
  const ink = canvas.getContext("2d", { willReadFrequently: true })

  /** The frame's number as the film wrote it: seven bits, and the lowest once more the other way round. */
  function number(video) {
    if (!video || !video.videoWidth || video.readyState < 2) return null
    ink.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 18, 0, 0, 8, 1)
    const data = ink.getImageData(0, 0, 8, 1).data
    const bits = [...Array(8).keys()].map((bit) => (data[bit * 4 + 1] > 128 ? 1 : 0))
    if (bits[0] === bits[7]) return null
    return bits.slice(0, 7).reduce((sum, bit, place) => sum + bit * 2 ** place, 0)
  }

  const tracks = (element, kind) => (element.srcObject?.getTracks() ?? []).filter((track) => track.kind === kind)

  function elements() {
    const slots = new Map()
    for (const element of document.querySelectorAll("[data-slot]")) {
      const track = tracks(element, element.localName)[0]
      if (track) slots.set(track.id, element)
    }
    return slots
  }

  async function sample() {
    const shown = elements()
    const taken = { at: Date.now(), slots: {}, sent: [], way: null, trip: null, number: null, own: null }
    const stage = document.querySelector('video[data-slot="stage-video"]')
    if (stage?.dataset.site) taken.number = number(stage)
    const self = [...document.querySelectorAll("video")].find((video) => own.has(tracks(video, "video")[0]?.id))
    taken.own = number(self)
    const reports = await Promise.all([...connections].map((each) => each.getStats()))
    for (const report of reports) {
      for (const entry of report.values()) {
        if (entry.type === "inbound-rtp" && shown.has(entry.trackIdentifier)) {
          const element = shown.get(entry.trackIdentifier)
          const figures = Object.fromEntries(INBOUND.map((name) => [name, entry[name] ?? 0]))
          taken.slots[element.dataset.slot] = { site: element.dataset.site ?? "", ...figures }
        }
        if (entry.type === "outbound-rtp" && entry.kind === "video") {
          const { rid = "", frameHeight = 0, active = true, qualityLimitationReason = "" } = entry
          taken.sent.push({ rid, height: frameHeight, active, limited: qualityLimitationReason })
        }
        if (entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded") {
          const local = report.get(entry.localCandidateId)
          taken.way = `${local?.candidateType ?? ""}/${local?.relayProtocol ?? local?.protocol ?? ""}`
          taken.trip = entry.currentRoundTripTime ?? null
        }
      }
    }
    samples.push(taken)
  }

  let busy = false
  setInterval(() => {
    if (busy || connections.size === 0) return
    busy = true
    sample().finally(() => (busy = false))
  }, EVERY)

  window.sampler = {
    /** All samples so far; the page forgets them. */
    take: () => samples.splice(0),
    /** When the page made this mark, in ms since 1970; `null` before it. */
    mark(name) {
      const mark = performance.getEntriesByName(`nghisu.${name}`)[0]
      return mark ? performance.timeOrigin + mark.startTime : null
    },
  }
})()
