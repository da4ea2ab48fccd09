/** The network in a word (Tốt, Trung bình, Yếu), from loss and round trip. */

import type { ReportQuality } from "../protocol"

export type Quality = ReportQuality["quality"]

/** `loss` is a share (0 to 1), `rtt` in milliseconds; `null` is not known. */
export function judge(loss: number | null, rtt: number | null): Quality {
  if (loss === null && rtt === null) return "unknown"
  if ((loss ?? 0) >= 0.08 || (rtt ?? 0) >= 500) return "poor"
  if ((loss ?? 0) >= 0.03 || (rtt ?? 0) >= 250) return "fair"
  return "good"
}

/** Least round trip to the server of three small requests, in milliseconds. */
export async function measureRoundTrip(url = "/healthz"): Promise<number | null> {
  let least: number | null = null
  for (let attempt = 0; attempt < 3; attempt++) {
    const asked = performance.now()
    try {
      await fetch(url, { cache: "no-store", method: "HEAD" })
    } catch {
      return null
    }
    const trip = performance.now() - asked
    least = Math.min(least ?? trip, trip)
  }
  return least
}

const TELLING = 30_000
const NARROW = 400

/** Rough downward rate in kbit/s from what the page itself has loaded, `null` when it came from the cache. */
export function pageRate(
  entries: Pick<PerformanceResourceTiming, "transferSize" | "responseStart" | "responseEnd">[],
): number | null {
  const large = entries.filter(
    (entry) => entry.transferSize > TELLING && entry.responseEnd > entry.responseStart,
  )
  if (large.length === 0) return null
  return Math.max(
    ...large.map((entry) => (entry.transferSize * 8) / (entry.responseEnd - entry.responseStart)),
  )
}

/** The word for the join page: round trip, and the page's own rate where it is telling. */
export function judgeJoin(rtt: number | null, rate: number | null): Quality {
  const word = judge(null, rtt)
  return rate !== null && rate < NARROW && word !== "unknown" ? "poor" : word
}
