// Least, greatest and mean over everything that was added; quantiles over the newest values, as Flink's
// checkpoint statistics have them. Adding is O(1), reading sorts a hundred numbers.

/** Values that the quantiles are taken over. */
const QUANTILE_WINDOW = 100;

export interface NumberSummaryView {
  readonly min: number;
  readonly max: number;
  readonly avg: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
}

export class NumberSummary {
  readonly #newest: number[] = [];
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = -Infinity;

  add(value: number): void {
    this.#newest[this.#count % QUANTILE_WINDOW] = value;
    this.#count += 1;
    this.#sum += value;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
  }

  /** All zero before the first value. */
  view(): NumberSummaryView {
    if (this.#count === 0) {
      return {min: 0, max: 0, avg: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0};
    }
    const sorted = this.#newest.toSorted((a, b) => a - b);
    return {
      min: this.#min,
      max: this.#max,
      avg: this.#sum / this.#count,
      p50: quantile(sorted, 0.5),
      p90: quantile(sorted, 0.9),
      p95: quantile(sorted, 0.95),
      p99: quantile(sorted, 0.99),
      p999: quantile(sorted, 0.999),
    };
  }
}

/** The nearest rank: a value that occurred, never one in between. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!;
}
