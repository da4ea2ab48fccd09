/** Saves a form by itself a moment after the last change; one request at a time, the newest wins. */
import { Problem, problemOf } from "../ui/http"

export type SaveState = "clean" | "waiting" | "saving" | "saved" | "failed" | "conflict"

const PAUSE_MS = 700
const RETRY_MS = 5000

const isConflict = (problem: Problem): boolean =>
  problem.status === 409 && /(^|_)conflict$/.test(problem.code)

export class Autosave {
  state: SaveState = $state("clean")
  savedAt: number | undefined = $state()
  problem: Problem | undefined = $state.raw()
  #timer: ReturnType<typeof setTimeout> | undefined
  #dirty = false
  #running: Promise<void> | undefined

  /** `save` writes what stands in the form now. */
  constructor(private readonly save: () => Promise<void>) {}

  touch(): void {
    this.#dirty = true
    if (this.state === "conflict") return
    if (!this.#running) this.state = "waiting"
    this.#plan(PAUSE_MS)
  }

  /** Writes now what is not yet written. Answers whether all is written. */
  async flush(): Promise<boolean> {
    clearTimeout(this.#timer)
    await this.#running
    if (this.#dirty && this.state !== "conflict") await this.#start()
    return !this.#dirty
  }

  /** After a conflict was decided: `dirty` when this browser's text is to be written. */
  resolve(dirty: boolean): void {
    this.state = "clean"
    this.#dirty = false
    if (dirty) this.touch()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #plan(pause: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.flush(), pause)
  }

  #start(): Promise<void> {
    this.#running = this.#write().finally(() => (this.#running = undefined))
    return this.#running
  }

  async #write(): Promise<void> {
    this.#dirty = false
    this.state = "saving"
    try {
      await this.save()
      this.problem = undefined
      this.savedAt = Date.now()
      this.state = this.#dirty ? "waiting" : "saved"
    } catch (error) {
      this.#dirty = true
      this.problem = problemOf(error)
      this.state = isConflict(this.problem) ? "conflict" : "failed"
      if (this.problem.code === "unreachable") this.#plan(RETRY_MS)
    }
  }
}
