/** What a media server did between two readings of its counters. */
import type { RelayView } from "../../api"

export interface Rate {
  /** Packets a second, in and out; `undefined` before the second reading and after the server's restart. */
  packets: number | undefined
  /** Packets were dropped since the reading before. */
  dropping: boolean
}

const UNKNOWN: Rate = { packets: undefined, dropping: false }

export function rate(before: RelayView | undefined, after: RelayView, seconds: number): Rate {
  if (!before?.answers || !after.answers || before.started !== after.started || seconds <= 0) return UNKNOWN
  return {
    packets: Math.round((after.packets - before.packets) / seconds),
    dropping: after.drops > before.drops,
  }
}

/** The share of connected transports that go over TCP, 0 to 1; `undefined` where none is connected. */
export function tcpShare(relay: RelayView): number | undefined {
  const all = relay.udp + relay.tcp
  return all ? relay.tcp / all : undefined
}
