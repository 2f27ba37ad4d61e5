import type {SinkWriter} from '../connectors/connector.ts';
import type {OperatorSnapshot} from '../checkpoint/checkpoint-metadata.ts';
import type {Operator, SnapshotTarget} from '../operators/operator.ts';
import type {RecordBatch} from '../records/record-batch.ts';

export interface SinkOperatorOptions {
  readonly uid: string;
  /** `sink:file` */
  readonly type: string;
  readonly subtask: number;
  readonly writer: SinkWriter;
  /** Called when a sink that was behind has room again. */
  readonly wake: () => void;
  /** Called when writing in the background failed. */
  readonly failed: (error: unknown) => void;
}

/** Fits a connector's writer into a chain: the last node of its branch. */
export class SinkOperator implements Operator {
  readonly #options: SinkOperatorOptions;
  readonly #writer: SinkWriter;
  #awaited: Promise<void> | null = null;

  constructor(options: SinkOperatorOptions) {
    this.#options = options;
    this.#writer = options.writer;
  }

  async open(): Promise<void> {
    await this.#writer.open();
  }

  process(batch: RecordBatch): void {
    this.#writer.write(batch);
  }

  /** Back-pressure: its task waits until `wake` is called. Barriers and orders go on meanwhile. */
  get behind(): boolean {
    const flow = this.#writer.flow();
    if (flow === null) return false;
    if (flow !== this.#awaited) {
      this.#awaited = flow;
      flow.then(this.#options.wake, this.#options.failed);
    }
    return true;
  }

  advanceWatermark(): void {
    // Committed output has no event time of its own.
  }

  beforeBarrier(): void {
    // Whatever was written before the barrier is cut off by `prepare`.
  }

  async snapshot(target: SnapshotTarget): Promise<OperatorSnapshot> {
    const {uid, type, subtask} = this.#options;
    const states = await this.#writer.prepare(target.checkpointId);
    return {uid, type, subtask: {index: subtask, states, watermark: null}};
  }

  endInput(): void {
    // The final checkpoint commits the rest.
  }

  async notifyComplete(checkpointId: number): Promise<void> {
    await this.#writer.commit(checkpointId);
  }

  async notifyAborted(checkpointId: number): Promise<void> {
    await this.#writer.abort(checkpointId);
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }
}
