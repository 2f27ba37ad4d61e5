interface Waiter {
  /** How many items must have been read. */
  readonly count: number;
  readonly resolve: () => void;
}

/** A queue with one reader: what is pushed is kept until it is read; `end` closes it after the rest. */
export class EventStream<T> implements AsyncIterable<T> {
  readonly #queue: T[] = [];
  readonly #waiters: Waiter[] = [];
  #pushed = 0;
  #read = 0;
  #ended = false;
  #wake: (() => void) | null = null;

  push(item: T): void {
    this.#queue.push(item);
    this.#pushed += 1;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /**
   * Resolves when the reader is done with everything that was pushed until now: it came back for the
   * next item, or left.
   */
  async caughtUp(): Promise<void> {
    if (this.#read >= this.#pushed) return;
    const count = this.#pushed;
    await new Promise<void>((resolve) => {
      this.#waiters.push({count, resolve});
    });
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    try {
      while (true) {
        const item = this.#queue.shift();
        if (item !== undefined) {
          yield item;
          this.#readUntil(this.#read + 1);
          continue;
        }
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
      }
    } finally {
      this.#readUntil(Infinity);
    }
  }

  #readUntil(count: number): void {
    this.#read = count;
    while (this.#waiters[0] !== undefined && this.#waiters[0].count <= count) {
      this.#waiters.shift()?.resolve();
    }
  }
}
