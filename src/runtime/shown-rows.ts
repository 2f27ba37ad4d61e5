// Back-pressure of rows for the user's eyes: how far a task thread may run ahead of their reader.

/** Characters of JSON that are on their way; a batch that begins below it goes as a whole. */
export const ROWS_AHEAD_MAX = 1 << 18;

/** The task thread's side: `sent` counts up, the reader's acknowledgement counts down. */
export class ShownRows {
  #ahead = 0;
  #turn: Promise<void> | null = null;
  #resume: () => void = () => undefined;

  sent(size: number): void {
    this.#ahead += size;
  }

  read(size: number): void {
    this.#ahead -= size;
    if (this.#ahead >= ROWS_AHEAD_MAX) return;
    this.#turn = null;
    this.#resume();
  }

  /** Null: go on. Otherwise: resolves when the reader has caught up enough. */
  flow(): Promise<void> | null {
    if (this.#ahead < ROWS_AHEAD_MAX) return null;
    this.#turn ??= new Promise((resolve) => {
      this.#resume = resolve;
    });
    return this.#turn;
  }
}

export function sizeOfRows(rows: readonly string[]): number {
  return rows.reduce((sum, row) => sum + row.length, 0);
}
