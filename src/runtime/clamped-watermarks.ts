// Each row of a batch carries the watermark that the rows before it made in its own source. Behind a gate with
// several channels event time is further back: no row is judged by a watermark that another channel holds up.

import type {RecordBatch} from '../records/record-batch.ts';

/** Lowers the watermarks of batches. What it returns is lent until the next call. */
export class ClampedWatermarks {
  #lowered = new Float64Array(0);

  /** `ceiling`: the least watermark of the other channels. */
  apply(batch: RecordBatch, ceiling: number): RecordBatch {
    const {watermarks, rowCount} = batch;
    // They ascend: the last one tells whether any is above.
    if (watermarks === null || rowCount === 0 || watermarks[rowCount - 1]! <= ceiling) return batch;
    if (this.#lowered.length < rowCount) this.#lowered = new Float64Array(rowCount * 2);
    const lowered = this.#lowered;
    for (let row = 0; row < rowCount; row += 1) {
      const watermark = watermarks[row]!;
      lowered[row] = watermark < ceiling ? watermark : ceiling;
    }
    return {...batch, watermarks: lowered};
  }
}
