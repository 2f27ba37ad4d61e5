/** Wakes whoever waits; what rang while nobody waited is for the caller to have looked at before. */
export class Bell {
  #wake: (() => void) | null = null;
  #promise: Promise<void> | null = null;

  async rung(): Promise<void> {
    this.#promise ??= new Promise((resolve) => (this.#wake = resolve));
    return this.#promise;
  }

  ring(): void {
    this.#wake?.();
    this.#wake = null;
    this.#promise = null;
  }
}
