import type {Clock, Timer, Timers} from '../../base/clock.ts';
import type {StateHandle} from '../../checkpoint/checkpoint-metadata.ts';
import type {SinkMetrics} from '../../metrics/job-metrics.ts';
import type {RecordBatch} from '../../records/record-batch.ts';
import type {SinkConnector, SinkWriter} from '../connector.ts';
import {blackholeSpec} from './spec.ts';

export const blackholeSink: SinkConnector = {
  spec: blackholeSpec,
  create: ({uid, options}, {metrics, clock, timers}) => {
    const limit = options['rate-limit'] as number | undefined;
    const pace = limit === undefined ? null : new Pace(limit, clock, timers);
    return new BlackholeWriter(metrics.sink(uid), pace);
  },
};

class BlackholeWriter implements SinkWriter {
  readonly #metrics: SinkMetrics;
  /** Null: as fast as rows come. */
  readonly #pace: Pace | null;

  constructor(metrics: SinkMetrics, pace: Pace | null) {
    this.#metrics = metrics;
    this.#pace = pace;
  }

  async open(): Promise<void> {
    return Promise.resolve();
  }

  write(batch: RecordBatch): void {
    this.#metrics.recordsOut += batch.selectedCount;
    this.#pace?.taken(batch.selectedCount);
  }

  flow(): Promise<void> | null {
    return this.#pace?.flow() ?? null;
  }

  async prepare(): Promise<readonly StateHandle[]> {
    return Promise.resolve([]);
  }

  async commit(): Promise<void> {
    return Promise.resolve();
  }

  async abort(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#pace?.close();
    return Promise.resolve();
  }
}

/** Rows cost time; the next ones may come when that of the last ones has passed. */
class Pace {
  readonly #millisPerRow: number;
  readonly #clock: Clock;
  readonly #timers: Timers;
  #busyUntil = -Infinity;
  /** The same promise for whoever asks, until it resolves. */
  #wait: {readonly over: Promise<void>; readonly timer: Timer; readonly end: () => void} | null =
    null;
  #closed = false;

  constructor(rowsPerSecond: number, clock: Clock, timers: Timers) {
    this.#millisPerRow = 1000 / rowsPerSecond;
    this.#clock = clock;
    this.#timers = timers;
  }

  taken(rows: number): void {
    const now = this.#clock.monotonicMillis();
    this.#busyUntil = Math.max(this.#busyUntil, now) + rows * this.#millisPerRow;
  }

  flow(): Promise<void> | null {
    if (this.#wait !== null) return this.#wait.over;
    const millis = this.#busyUntil - this.#clock.monotonicMillis();
    if (millis <= 0 || this.#closed) return null;
    let end: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      end = () => {
        this.#wait = null;
        resolve();
      };
    });
    this.#wait = {over, timer: this.#timers.after(millis, () => end()), end};
    return over;
  }

  /** Nobody waits for a sink that is closed, and no timer keeps the process alive. */
  close(): void {
    this.#closed = true;
    this.#wait?.timer.cancel();
    this.#wait?.end();
  }
}
