/** The two live regions of the page: what can wait is gathered, what cannot is said at once. */

const GATHER_MS = 1500

export class Announcer {
  polite = $state("")
  assertive = $state("")
  #gathered: string[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Said together with what comes within the next second and a half. */
  tell(sentence: string): void {
    this.#gathered.push(sentence)
    this.#timer ??= setTimeout(() => {
      this.polite = this.#gathered.join(" ")
      this.#gathered = []
      this.#timer = undefined
    }, GATHER_MS)
  }

  /** Interrupts: only for the invitation to speak, the microphone, a lost connection. */
  interrupt(sentence: string): void {
    this.assertive = this.assertive === sentence ? `${sentence} ` : sentence
  }
}
