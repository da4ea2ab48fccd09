/** The HTTP API as typed calls. Every refusal is thrown as a `Problem` with a stable code. */
import type { Problem as ProblemBody } from "../api"
import { locale } from "../i18n/locale"

type Facts = Record<string, string | number>

export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly facts: Facts = {},
    readonly status = 0,
  ) {
    super(code)
  }
}

let signedOut: (() => void) | undefined

/** What to do when the server no longer knows this browser (401), besides throwing. */
export function whenSignedOut(act: () => void): void {
  signedOut = act
}

/** Whatever was thrown, as a problem that can be explained. */
export function problemOf(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem("unknown", { code: String(error) })
}

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = {
    method,
    headers: { Accept: "application/json", "Accept-Language": locale },
    credentials: "same-origin",
  }
  if (signal) init.signal = signal
  if (body !== undefined) {
    init.headers = { ...init.headers, "Content-Type": "application/json" }
    init.body = JSON.stringify(body)
  }
  let response: Response
  try {
    response = await fetch(`/api${path}`, init)
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Problem("unreachable")
  }
  if (response.ok) {
    const text = await response.text()
    return (text ? JSON.parse(text) : undefined) as T
  }
  const refusal = (await response.json().catch(() => null)) as ProblemBody | null
  if (refusal?.code === "not_signed_in") signedOut?.()
  throw new Problem(refusal?.code ?? "unknown", refusal?.facts ?? { code: response.status }, response.status)
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> =>
  call<T>("GET", path, undefined, signal)
export const post = <T = void>(path: string, body?: unknown): Promise<T> => call<T>("POST", path, body)
export const put = <T = void>(path: string, body: unknown): Promise<T> => call<T>("PUT", path, body)
export const del = <T = void>(path: string): Promise<T> => call<T>("DELETE", path)
