/** Something asked of the server: on its way, here, or refused. */

export class Loaded<T> {
  value: T | undefined = $state.raw()
  error: unknown = $state.raw()
  #turn = 0

  constructor(private readonly ask: () => Promise<T>) {
    void this.refresh()
  }

  /** Asks again; what is shown stays until the reply comes. A failure hides nothing that is already shown. */
  async refresh(): Promise<void> {
    const turn = ++this.#turn
    try {
      const value = await this.ask()
      if (turn !== this.#turn) return
      this.value = value
      this.error = undefined
    } catch (error) {
      if (turn === this.#turn && this.value === undefined) this.error = error
    }
  }

  /** From the beginning: the loading state is shown. */
  again(): void {
    this.value = undefined
    this.error = undefined
    void this.refresh()
  }

  set(value: T): void {
    this.#turn++
    this.value = value
    this.error = undefined
  }
}
