import type {Operator, OperatorContext, SnapshotTarget} from './operator.ts';
import type {OperatorSnapshot} from '../checkpoint/checkpoint-metadata.ts';
import type {OperatorMetrics} from '../metrics/job-metrics.ts';
import type {RecordBatch} from '../records/record-batch.ts';

/** What operators without state have in common: nothing to open, to store or to close. */
export abstract class StatelessOperator implements Operator {
  protected readonly context: OperatorContext;
  protected readonly metrics: OperatorMetrics;
  protected watermark = -Infinity;
  readonly #type: string;

  constructor(type: string, context: OperatorContext) {
    this.#type = type;
    this.context = context;
    this.metrics = context.metrics.operator(context.uid);
  }

  abstract process(batch: RecordBatch, input: number): void;

  async open(): Promise<void> {
    return Promise.resolve();
  }

  advanceWatermark(time: number): void {
    this.watermark = time;
  }

  beforeBarrier(): void {
    // Nothing is held back.
  }

  async snapshot(_target: SnapshotTarget): Promise<OperatorSnapshot> {
    const {uid, subtask} = this.context;
    const watermark = watermarkOf(this.watermark);
    return Promise.resolve({
      uid,
      type: this.#type,
      subtask: {index: subtask, states: [], watermark},
    });
  }

  endInput(): void {
    // Nothing is held back.
  }

  async notifyComplete(): Promise<void> {
    return Promise.resolve();
  }

  async notifyAborted(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A watermark as a checkpoint says it. */
export function watermarkOf(time: number): number | 'end' | null {
  if (time === Infinity) return 'end';
  return time === -Infinity ? null : time;
}
