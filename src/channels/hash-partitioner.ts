import type {PartitionedRows, Partitioner} from './partitioner.ts';
import {assert, must} from '../base/assert.ts';
import {keyGroupRangeOf} from '../base/key-groups.ts';
import {compileKeyGroups, type KeyGroups} from '../keys/key-groups-kernel.ts';
import type {Column} from '../records/column.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import {fieldIndex, type Schema} from '../records/schema.ts';

export interface HashPartitionerOptions {
  readonly schema: Schema;
  /** Names of the key's fields, in the key's order; none: every record has the same key. */
  readonly key: readonly string[];
  readonly targetCount: number;
  readonly maxParallelism: number;
}

/** Each row to the subtask that owns the key group of its key. */
export class HashPartitioner implements Partitioner {
  readonly targetCount: number;
  readonly #columns: readonly number[];
  readonly #keyGroups: KeyGroups;
  /** Per key group, its target. */
  readonly #targets: Uint16Array;
  readonly #rows: {readonly selections: Int32Array[]; readonly counts: Int32Array};
  #groups = new Uint16Array(0);
  /** The selections of all targets, one behind the other. */
  #selected = new Int32Array(0);

  constructor({schema, key, targetCount, maxParallelism}: HashPartitionerOptions) {
    assert(targetCount <= maxParallelism, `${targetCount} targets, ${maxParallelism} key groups`);
    this.targetCount = targetCount;
    this.#columns = key.map((name) => fieldIndex(schema, name));
    const fields = this.#columns.map((index, at) => must(schema.fields[index], `key ${key[at]}`));
    this.#keyGroups = compileKeyGroups(fields, maxParallelism);
    this.#targets = new Uint16Array(maxParallelism);
    for (let target = 0; target < targetCount; target += 1) {
      const {start, end} = keyGroupRangeOf(target, targetCount, maxParallelism);
      this.#targets.fill(target, start, end + 1);
    }
    this.#rows = {selections: [], counts: new Int32Array(targetCount)};
  }

  split(batch: RecordBatch): PartitionedRows {
    const count = batch.selectedCount;
    if (this.#groups.length < count) this.#grow(count * 2);
    const columns = this.#columns.map((index): Column => batch.columns[index]!);
    this.#keyGroups(columns, batch.selection, count, this.#groups);
    this.#rows.counts.fill(0);
    deal(
      ...([batch.selection, count, this.#groups, this.#targets] as const),
      ...([this.#rows.counts, this.#selected, this.#groups.length] as const),
    );
    return this.#rows;
  }

  #grow(rows: number): void {
    this.#groups = new Uint16Array(rows);
    this.#selected = new Int32Array(rows * this.targetCount);
    for (let target = 0; target < this.targetCount; target += 1) {
      this.#rows.selections[target] = this.#selected.subarray(rows * target, rows * (target + 1));
    }
  }
}

/** Appends each row to the selection of its target; these lie `stride` apart. */
function deal(
  selection: Int32Array | null,
  count: number,
  groups: Uint16Array,
  targets: Uint16Array,
  counts: Int32Array,
  selected: Int32Array,
  stride: number,
): void {
  for (let position = 0; position < count; position += 1) {
    const target = targets[groups[position]!]!;
    const place = counts[target]!;
    selected[target * stride + place] = selection === null ? position : selection[position]!;
    counts[target] = place + 1;
  }
}
