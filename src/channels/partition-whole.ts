import type {PartitionedRows, Partitioner} from './partitioner.ts';
import type {RecordBatch} from '../records/record-batch.ts';

/** All rows to the one target, subtask i to subtask i. */
export function forward(): Partitioner {
  return broadcast(1);
}

/** All rows to every target. */
export function broadcast(targetCount: number): Partitioner {
  return new WholePartitioner(targetCount);
}

class WholePartitioner implements Partitioner {
  readonly targetCount: number;
  readonly #selections: (Int32Array | null)[];
  readonly #rows: PartitionedRows;

  constructor(targetCount: number) {
    this.targetCount = targetCount;
    this.#selections = Array.from({length: targetCount}, () => null);
    this.#rows = {selections: this.#selections, counts: new Int32Array(targetCount)};
  }

  split(batch: RecordBatch): PartitionedRows {
    this.#selections.fill(batch.selection);
    this.#rows.counts.fill(batch.selectedCount);
    return this.#rows;
  }
}
