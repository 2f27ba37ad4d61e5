// Aggregates in tumbling event-time windows. The table's key is the group and the window's start.
//
// Everything is judged record by record against the watermark that the records before it made, so the
// results do not depend on where batches end:
//   - before a record is taken, the windows that its watermark has passed go out, earliest first;
//   - a record whose window (and the allowed lateness) is over is counted, and goes to `late-to`;
//   - a record whose window went out already, but within the allowed lateness, updates it, and the
//     result goes out again at once.
// A window [start, start + size) goes out when the watermark reaches its last millisecond.

import {AggregatePlan} from './aggregate-plan.ts';
import {aggregateSpec} from './aggregate-spec.ts';
import {OpenWindows} from './open-windows.ts';
import type {Operator, OperatorRequest, SnapshotTarget} from '../operator.ts';
import {recordFailed} from '../record-failed.ts';
import {watermarkOf} from '../stateless-operator.ts';
import {assert, must} from '../../base/assert.ts';
import type {EngineError} from '../../base/errors.ts';
import type {OperatorSnapshot} from '../../checkpoint/checkpoint-metadata.ts';
import type {OptionValues} from '../../job/job-spec.ts';
import type {OperatorMetrics} from '../../metrics/job-metrics.ts';
import type {Column} from '../../records/column.ts';
import {liveRow, type RecordBatch} from '../../records/record-batch.ts';
import {fieldIndex} from '../../records/schema.ts';
import type {SlotLayout} from '../../state/state-backend.ts';

export class TumblingAggregate implements Operator {
  readonly #request: OperatorRequest;
  readonly #metrics: OperatorMetrics;
  readonly #size: number;
  readonly #offset: number;
  readonly #lateness: number;
  readonly #lateTo: string | undefined;
  readonly #timeColumn: number;
  #plan: AggregatePlan | null = null;
  /** Windows that have not gone out. */
  readonly #pending = new OpenWindows();
  /** Windows that went out and are kept for the allowed lateness; their rows have `fired` set. */
  readonly #fired = new OpenWindows();
  #watermark = -Infinity;

  // Of the batch at hand.
  /** Its records that are not too late, and their rows in the table. */
  #kept = new Int32Array(0);
  #rows = new Int32Array(0);
  #late = new Int32Array(0);
  /** By row of the batch. */
  #starts = new Float64Array(0);

  constructor(request: OperatorRequest) {
    const {options, context} = request;
    const window = options['window'] as OptionValues;
    const input = must(request.inputs[0], 'input schema');
    this.#request = request;
    this.#metrics = context.metrics.operator(context.uid);
    this.#size = window['tumbling'] as number;
    this.#offset = (window['offset'] ?? 0) as number;
    this.#lateness = (window['allowed-lateness'] ?? 0) as number;
    this.#lateTo = options['late-to'] as string | undefined;
    this.#timeColumn = fieldIndex(input, options['event-time-column'] as string);
  }

  async open(): Promise<void> {
    this.#plan = await AggregatePlan.open({
      request: this.#request,
      windowMillis: this.#size,
      // Also without lateness: the state may be of a run that had one, and keeps windows that went out.
      ownSlots: [{name: 'window.fired', kind: 'flag'}],
    });
    const watermarks = this.#request.context.restored.map(({watermark}) =>
      // After a drained input all windows have gone out; what follows begins anew.
      typeof watermark === 'number' ? watermark : -Infinity,
    );
    if (watermarks.length > 0) this.#watermark = Math.min(...watermarks);
    // Those that went out before are empty of what has not: they pass once more, and nothing comes of it.
    for (const start of this.#opened.table.namespaces()) this.#pending.add(start);
  }

  process(batch: RecordBatch): void {
    this.#metrics.recordsIn += batch.selectedCount;
    const keptCount = this.#sort(batch);
    const kept: RecordBatch = {...batch, selection: this.#kept, selectedCount: keptCount};
    this.#opened.evaluate(kept);
    const keys = this.#keysOf(batch);
    let from = 0;
    let nextDue = this.#nextDue();
    for (let at = 0; at < keptCount; at += 1) {
      const row = this.#kept[at]!;
      const watermark = this.#watermarkAt(batch, row);
      const end = this.#starts[row]! + this.#size - 1;
      if (watermark >= nextDue) {
        this.#take(kept, keys, from, at, this.#pending);
        from = at;
        this.#fire(watermark);
        nextDue = this.#nextDue();
      }
      this.#watermark = watermark;
      if (end > watermark) {
        if (end < nextDue) nextDue = end;
        continue;
      }
      this.#take(kept, keys, from, at, this.#pending);
      this.#take(kept, keys, at, at + 1, this.#fired);
      this.#opened.results.append(this.#rows, at, at + 1, watermark);
      from = at + 1;
      nextDue = Math.min(nextDue, end + this.#lateness);
    }
    this.#take(kept, keys, from, keptCount, this.#pending);
    this.#opened.results.flush();
  }

  advanceWatermark(time: number): void {
    if (time <= this.#watermark) return;
    this.#fire(time);
    this.#watermark = time;
    this.#opened.results.flush();
  }

  beforeBarrier(): void {
    // Results go out when they are due, and nothing is held back.
  }

  async snapshot(target: SnapshotTarget): Promise<OperatorSnapshot> {
    const {uid, subtask, state} = this.#request.context;
    const watermark = watermarkOf(this.#watermark);
    const states = await state.snapshot(target);
    return {uid, type: aggregateSpec.type, subtask: {index: subtask, states, watermark}};
  }

  endInput(): void {
    // The watermark at the end has fired every window.
  }

  async notifyComplete(): Promise<void> {
    return Promise.resolve();
  }

  async notifyAborted(checkpointId: number): Promise<void> {
    this.#request.context.state.abortSnapshot(checkpointId);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }

  get #opened(): AggregatePlan {
    return must(this.#plan, 'open plan');
  }

  #watermarkAt(batch: RecordBatch, row: number): number {
    const before = batch.watermarks === null ? -Infinity : batch.watermarks[row]!;
    return before > this.#watermark ? before : this.#watermark;
  }

  /** When the next window goes out or is forgotten; +Infinity when there is none. */
  #nextDue(): number {
    const last = this.#size - 1;
    return Math.min(this.#pending.first + last, this.#fired.first + last + this.#lateness);
  }

  /** Finds each record's window; those that are not too late go to `kept`, which counts them. */
  #sort(batch: RecordBatch): number {
    const times = batch.columns[this.#timeColumn];
    assert(times?.layout === 'float64', 'the event-time column is a timestamp');
    this.#makeRoom(batch);
    let keptCount = 0;
    let lateCount = 0;
    for (let position = 0; position < batch.selectedCount; position += 1) {
      const row = liveRow(batch, position);
      if (times.nulls?.[row] === 1) throw this.#noTime(batch, row);
      const offset = this.#offset;
      const start = Math.floor((times.values[row]! - offset) / this.#size) * this.#size + offset;
      this.#starts[row] = start;
      const over = start + this.#size - 1 + this.#lateness;
      if (over > this.#watermarkAt(batch, row)) this.#kept[keptCount++] = row;
      else this.#late[lateCount++] = row;
    }
    if (lateCount > 0) {
      this.#metrics.lateRecords += lateCount;
      const late = {...batch, selection: this.#late, selectedCount: lateCount};
      if (this.#lateTo !== undefined) this.#request.context.output.emitTo(this.#lateTo, late);
    }
    return keptCount;
  }

  #makeRoom(batch: RecordBatch): void {
    if (this.#kept.length < batch.selectedCount) {
      this.#kept = new Int32Array(batch.selectedCount);
      this.#late = new Int32Array(batch.selectedCount);
      this.#rows = new Int32Array(batch.selectedCount);
    }
    if (this.#starts.length < batch.rowCount) this.#starts = new Float64Array(batch.rowCount);
  }

  #keysOf(batch: RecordBatch): Column[] {
    const group = this.#opened.keyColumns.map((index) => must(batch.columns[index], 'key column'));
    return [...group, {layout: 'float64', values: this.#starts, nulls: null}];
  }

  /** The kept records [from, to) go into their groups; new ones are listed in `windows`. */
  #take(
    kept: RecordBatch,
    keys: readonly Column[],
    from: number,
    to: number,
    windows: OpenWindows,
  ): void {
    if (from === to) return;
    const {table} = this.#opened;
    table.resolve(keys, this.#kept, from, to, this.#rows);
    this.#opened.accumulate(kept, this.#rows, from, to);
    const {count, rows, positions} = table.added;
    for (let at = 0; at < count; at += 1) {
      windows.add(this.#starts[this.#kept[positions[at]!]!]!);
    }
    if (windows === this.#fired) this.#markFired(rows, count);
  }

  /** What is due at `watermark` goes out or is forgotten, in the order of time. */
  #fire(watermark: number): void {
    const {table} = this.#opened;
    for (;;) {
      const due = this.#nextDue();
      if (due > watermark || due === Infinity) return;
      if (this.#pending.first + this.#size - 1 > due) {
        table.deleteNamespace(this.#fired.takeFirst());
        continue;
      }
      const start = this.#pending.takeFirst();
      table.visitNamespace(start, (rows, count) => this.#fireRows(rows, count));
      if (this.#lateness === 0) table.deleteNamespace(start);
      else this.#fired.add(start);
    }
  }

  /** Those of a window that have not gone out. */
  #fireRows(rows: Int32Array, count: number): void {
    const {table, results} = this.#opened;
    const due = this.#notFired(rows, count);
    // What follows this operator has seen no later watermark than this operator before.
    results.append(due, 0, due.length, this.#watermark);
    if (this.#lateness === 0) return;
    table.prepareWrite(due, 0, due.length);
    this.#markFired(due, due.length);
  }

  #notFired(rows: Int32Array, count: number): Int32Array {
    const {table} = this.#opened;
    const {ints} = table.memory();
    const {flagInt, setMask} = this.#firedSlot;
    return rows
      .subarray(0, count)
      .filter((row) => (ints[row * table.shape.rowInts + flagInt]! & setMask) === 0);
  }

  #markFired(rows: Int32Array, count: number): void {
    const {table} = this.#opened;
    const {ints} = table.memory();
    const {flagInt, setMask} = this.#firedSlot;
    for (let at = 0; at < count; at += 1) {
      ints[rows[at]! * table.shape.rowInts + flagInt]! |= setMask;
    }
  }

  get #firedSlot(): SlotLayout {
    return must(this.#opened.table.shape.slots.at(-1), 'fired');
  }

  #noTime(batch: RecordBatch, row: number): EngineError {
    const column = must(batch.schema.fields[this.#timeColumn], 'event-time column').name;
    const what = `the event time '${column}' is NULL, so the record belongs to no window`;
    return recordFailed(batch, row, this.#request.context.uid, what);
  }
}
