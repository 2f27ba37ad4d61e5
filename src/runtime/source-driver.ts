// The head of a source task: polls the reader, limits its rate, and turns what it gives into elements.

import type {Clock} from '../base/clock.ts';
import type {OperatorSnapshot} from '../checkpoint/checkpoint-metadata.ts';
import type {DeadLetter, SourceReader} from '../connectors/connector.ts';
import {BatchBuilder} from '../records/batch-builder.ts';
import type {Schema} from '../records/schema.ts';
import type {NodeOutput} from './chain-node.ts';
import type {RateLimit} from './rate-limit.ts';

/** Rows per batch: enough to pay for the calls around it, small enough to stay in the cache. */
const MAX_BATCH_ROWS = 4096;

export type StepOutcome =
  | {readonly kind: 'progress'}
  /** Nothing to read before `wake` rings or `millis` have passed. */
  | {readonly kind: 'waiting'; readonly millis: number}
  | {readonly kind: 'ended'};

export interface SourceDriverOptions {
  readonly uid: string;
  readonly type: string;
  readonly subtask: number;
  readonly reader: SourceReader;
  readonly output: NodeOutput;
  readonly rateLimit: RateLimit | null;
  readonly clock: Clock;
  /** Schema and name of the side output of bad records; null: they are not kept. */
  readonly deadLetters: {readonly name: string; readonly schema: Schema} | null;
  /** Rings the thread's doorbell. */
  readonly wake: () => void;
  /** Called when waiting for the reader failed. */
  readonly failed: (error: unknown) => void;
}

export class SourceDriver {
  readonly uid: string;
  readonly #options: SourceDriverOptions;
  #watermark = -Infinity;
  #idle = false;
  #ended = false;
  #draining = false;
  #awaiting = false;

  constructor(options: SourceDriverOptions) {
    this.uid = options.uid;
    this.#options = options;
  }

  get watermark(): number {
    return this.#watermark;
  }

  get ended(): boolean {
    return this.#ended;
  }

  async open(): Promise<void> {
    await this.#options.reader.open();
  }

  /** The next step is the last, whatever is left to read; the position stays where reading stopped. */
  drain(): void {
    this.#draining = true;
  }

  /** At most one batch through the whole task. */
  step(): StepOutcome {
    const {reader, rateLimit, clock, output} = this.#options;
    if (this.#ended) return {kind: 'ended'};
    if (this.#draining) {
      // As a reader does at its end.
      this.#watermark = Infinity;
      this.#options.output.each((fan) => fan.advanceWatermark(Infinity));
      return this.#end();
    }
    const now = clock.monotonicMillis();
    const granted = rateLimit?.take(now, MAX_BATCH_ROWS) ?? MAX_BATCH_ROWS;
    if (rateLimit !== null && granted === 0) {
      return {kind: 'waiting', millis: rateLimit.waitMillis(now)};
    }
    const step = reader.poll(granted);
    this.#emitDeadLetters(reader.takeDeadLetters());
    rateLimit?.giveBack(granted - (step.kind === 'batch' ? step.batch.rowCount : 0));
    if (step.kind === 'batch') output.emit(step.batch);
    this.#advance(reader);
    if (step.kind === 'batch') return {kind: 'progress'};
    if (step.kind === 'pending') return this.#waitForReader(reader);
    return this.#end();
  }

  #end(): StepOutcome {
    this.#ended = true;
    this.#options.output.each((fan) => fan.endInput());
    return {kind: 'ended'};
  }

  snapshot(): OperatorSnapshot {
    const {uid, type, subtask, reader} = this.#options;
    const watermark = Number.isFinite(this.#watermark) ? this.#watermark : null;
    return {
      uid,
      type,
      subtask: {
        index: subtask,
        states: reader.snapshot(),
        watermark: this.#ended ? 'end' : watermark,
      },
    };
  }

  async close(): Promise<void> {
    await this.#options.reader.close();
  }

  #advance(reader: SourceReader): void {
    const idle = reader.idle();
    if (idle !== this.#idle) {
      this.#idle = idle;
      this.#options.output.each((fan) => fan.setIdle(idle));
    }
    const time = reader.watermark();
    if (time <= this.#watermark) return;
    this.#watermark = time;
    this.#options.output.each((fan) => fan.advanceWatermark(time));
  }

  #waitForReader(reader: SourceReader): StepOutcome {
    if (!this.#awaiting) {
      this.#awaiting = true;
      reader.available().then(
        () => {
          this.#awaiting = false;
          this.#options.wake();
        },
        (error: unknown) => this.#options.failed(error),
      );
    }
    return {kind: 'waiting', millis: 1000};
  }

  #emitDeadLetters(letters: readonly DeadLetter[]): void {
    const {deadLetters, output, uid} = this.#options;
    if (letters.length === 0 || deadLetters === null) return;
    const builder = new BatchBuilder(deadLetters.schema);
    for (const letter of letters) {
      const {split, byteOffset, line, reason, record} = letter;
      builder.appendRow([
        uid,
        split,
        BigInt(byteOffset),
        BigInt(line),
        reason,
        readableText(record),
      ]);
    }
    output.emitTo(deadLetters.name, builder.build());
  }
}

/** A bad record as text; bytes that are no UTF-8 become U+FFFD. */
function readableText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', {ignoreBOM: true}).decode(bytes);
}
