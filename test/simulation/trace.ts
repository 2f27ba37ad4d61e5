// What happened, in order: the last lines for whoever reads a failure, and a hash of all of them, by which
// two runs of one seed are compared.

/** `TIDEMARK_TRACE=100000` shows all of a short run. */
const TAIL_LINES = Number(process.env['TIDEMARK_TRACE'] ?? 60);
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class Trace {
  readonly #tail: string[] = [];
  #next = 0;
  /** Two hashes of 32 bits with different starts: together as good as one of 64. */
  #low = FNV_OFFSET;
  #high = ~FNV_OFFSET;
  lines = 0;

  add(line: string): void {
    let low = this.#low;
    let high = this.#high;
    for (let index = 0; index < line.length; index += 1) {
      const code = line.charCodeAt(index);
      low = Math.imul(low ^ code, FNV_PRIME);
      high = Math.imul(high ^ (code + index), FNV_PRIME);
    }
    this.#low = Math.imul(low ^ 10, FNV_PRIME);
    this.#high = Math.imul(high ^ 10, FNV_PRIME);
    this.#tail[this.#next] = line;
    this.#next = (this.#next + 1) % TAIL_LINES;
    this.lines += 1;
  }

  get hash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
    return hex(this.#low) + hex(this.#high);
  }

  /** Oldest first. */
  tail(): readonly string[] {
    return [...this.#tail.slice(this.#next), ...this.#tail.slice(0, this.#next)];
  }
}
