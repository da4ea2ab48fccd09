/** What the browser measures of its media, read-only: for technicians, for the tests, for the word of the network. */

import type { Media } from "./media"

type Figures = Record<string, number | string>

export interface MediaStats {
  endpoint: string | null
  slots: Record<string, Figures>
  producers: Record<string, Figures>
  transports: Record<string, Figures>
}

const INBOUND = [
  "packetsReceived", "packetsLost", "bytesReceived", "jitter", "framesReceived", "framesDecoded", "keyFramesDecoded",
  "framesDropped", "framesPerSecond", "frameWidth", "frameHeight", "freezeCount", "totalFreezesDuration", "nackCount",
  "pliCount", "totalAudioEnergy", "audioLevel", "concealedSamples", "silentConcealedSamples", "concealmentEvents",
  "totalSamplesReceived", "totalSamplesDuration", "jitterBufferDelay", "jitterBufferEmittedCount",
] // prettier-ignore
const OUTBOUND = [
  "packetsSent", "bytesSent", "retransmittedPacketsSent", "targetBitrate", "framesEncoded", "framesPerSecond", "frameWidth",
  "frameHeight", "nackCount", "pliCount", "qualityLimitationReason",
] // prettier-ignore
const SUMMED = new Set([
  "packetsSent",
  "bytesSent",
  "retransmittedPacketsSent",
  "targetBitrate",
  "nackCount",
  "pliCount",
])
const PAIR = ["currentRoundTripTime", "availableOutgoingBitrate", "bytesSent", "bytesReceived"]

export const NOTHING: MediaStats = { endpoint: null, slots: {}, producers: {}, transports: {} }

export async function mediaStats(media: Media | null): Promise<MediaStats> {
  if (!media) return NOTHING
  const slots = [...media.consumers].map(
    async ([name, consumer]) => [name, pick(await consumer.getStats(), "inbound-rtp", INBOUND)] as const,
  )
  const producers = [...media.producers].map(async ([source, producer]) =>
    sent(source, await producer.getStats()),
  )
  const { receive, send } = media.transports()
  const transports = Object.entries({ receive, send }).map(async ([name, transport]) => {
    if (!transport) return [name, {}] as const
    const report = await transport.getStats()
    const state = transport.connectionState
    return [name, { state, path: pathOf(report), ...pick(report, "candidate-pair", PAIR) }] as const
  })
  return {
    endpoint: media.endpoint,
    slots: Object.fromEntries(await Promise.all(slots)),
    producers: Object.fromEntries((await Promise.all(producers)).flat()),
    transports: Object.fromEntries(await Promise.all(transports)),
  }
}

/** What a source sends: as a whole, with the size of its largest picture, and each of several encodings by its rid. */
export function sent(source: string, report: RTCStatsReport): [string, Figures][] {
  const entries = [...(report.values() as Iterable<Record<string, unknown>>)]
    .filter((entry) => entry["type"] === "outbound-rtp")
    .sort((a, b) => String(a["rid"] ?? "").localeCompare(String(b["rid"] ?? "")))
  if (entries.length < 2) return [[source, entries[0] ? figures(entries[0], OUTBOUND) : {}]]
  const encodings = entries.map((entry) => figures(entry, OUTBOUND))
  const moving = encodings.filter((encoding) => Number(encoding["framesPerSecond"] ?? 0) > 0)
  const whole = { ...(moving.at(-1) ?? encodings.at(-1)!) }
  for (const name of SUMMED)
    whole[name] = encodings.reduce((sum, encoding) => sum + Number(encoding[name] ?? 0), 0)
  return [
    [source, whole],
    ...entries.map((entry, place): [string, Figures] => [`${source} ${entry["rid"]}`, encodings[place]!]),
  ]
}

function pick(report: RTCStatsReport, type: string, names: string[]): Figures {
  for (const entry of report.values() as Iterable<Record<string, unknown>>) {
    if (entry["type"] !== type || (type === "candidate-pair" && !entry["nominated"])) continue
    return figures(entry, names)
  }
  return {}
}

function figures(entry: Record<string, unknown>, names: string[]): Figures {
  return Object.fromEntries(
    names.filter((name) => name in entry).map((name) => [name, entry[name] as number]),
  )
}

/** How media pass: `udp` or `tcp`, `relay-udp`, `relay-tcp` or `relay-tls` through a TURN server, empty for no path. */
export function pathOf(report: RTCStatsReport): string {
  const entries = [...(report.values() as Iterable<Record<string, unknown>>)]
  const transport = entries.find((entry) => entry["type"] === "transport")
  const pair = report.get(transport?.["selectedCandidatePairId"] as string)
  const local = report.get(pair?.localCandidateId)
  if (!local) return ""
  return local.candidateType === "relay" ? `relay-${local.relayProtocol}` : local.protocol
}

/** Counters of two moments → the share of packets lost between them (0 to 1), `null` when none were due. */
export function lossBetween(before: MediaStats, after: MediaStats): number | null {
  const total = (stats: MediaStats, name: string) =>
    Object.values(stats.slots).reduce((sum, slot) => sum + (Number(slot[name]) || 0), 0)
  if (before.endpoint !== after.endpoint) return null
  const lost = total(after, "packetsLost") - total(before, "packetsLost")
  const received = total(after, "packetsReceived") - total(before, "packetsReceived")
  const due = lost + received
  return due > 0 ? Math.max(0, lost / due) : null
}

/** Round trip of the receiving path in milliseconds. */
export function roundTrip(stats: MediaStats): number | null {
  const seconds = stats.transports["receive"]?.["currentRoundTripTime"]
  return typeof seconds === "number" ? seconds * 1000 : null
}
