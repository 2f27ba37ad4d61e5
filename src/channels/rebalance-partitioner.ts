import type {PartitionedRows, Partitioner} from './partitioner.ts';
import {assert} from '../base/assert.ts';
import type {RecordBatch} from '../records/record-batch.ts';

/**
 * Spreads rows evenly: over any time, no target gets two rows more than another. Flink deals them out one
 * by one; here each target gets a slice of the batch, and the rows left over go round. `first` is the
 * target that the first of these goes to: different senders begin at different ones.
 */
export class RebalancePartitioner implements Partitioner {
  readonly targetCount: number;
  readonly #selections: (Int32Array | null)[];
  readonly #rows: PartitionedRows;
  /** 0, 1, 2 …: the selection of a batch that has none. */
  #all = new Int32Array(0);
  #next: number;

  constructor(targetCount: number, first = 0) {
    assert(targetCount > 0, 'no target to send to');
    this.targetCount = targetCount;
    this.#selections = Array.from({length: targetCount}, () => null);
    this.#rows = {selections: this.#selections, counts: new Int32Array(targetCount)};
    this.#next = first % targetCount;
  }

  split(batch: RecordBatch): PartitionedRows {
    const {targetCount} = this;
    const rows = batch.selection ?? this.#allRows(batch.selectedCount);
    const share = Math.floor(batch.selectedCount / targetCount);
    const extra = batch.selectedCount % targetCount;
    let from = 0;
    for (let turn = 0; turn < targetCount; turn += 1) {
      const target = (this.#next + turn) % targetCount;
      const count = turn < extra ? share + 1 : share;
      this.#selections[target] = rows.subarray(from, from + count);
      this.#rows.counts[target] = count;
      from += count;
    }
    this.#next = (this.#next + extra) % targetCount;
    return this.#rows;
  }

  #allRows(count: number): Int32Array {
    if (this.#all.length < count) this.#all = Int32Array.from({length: count * 2}, (_, row) => row);
    return this.#all;
  }
}
