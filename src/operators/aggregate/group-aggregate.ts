// Aggregates without a window: a row per group for as long as the job lives.
//
//   at-end         each group once, when the input has ended
//   on-checkpoint  before each barrier the groups that changed since the one before
//   on-update      after each record the result of its group: a run of records is cut where a group
//                  comes for the second time
//
// With a ttl, groups that had no record for that long are forgotten (ttl/table-ttl.ts). What every record, barrier and end
// does about it stands in the same places as without: `#ttl` is null then.

import {AggregatePlan} from './aggregate-plan.ts';
import {aggregateSpec, type EmitMode} from './aggregate-spec.ts';
import type {Operator, OperatorRequest, SnapshotTarget} from '../operator.ts';
import {watermarkOf} from '../stateless-operator.ts';
import {TableTtl, TTL_SLOT} from '../ttl/table-ttl.ts';
import {TtlClock} from '../ttl/ttl-clock.ts';
import {must} from '../../base/assert.ts';
import {emptyKeyGroup} from '../../keys/key-groups-kernel.ts';
import type {OperatorSnapshot} from '../../checkpoint/checkpoint-metadata.ts';
import type {StateTtl} from '../../job/job-spec.ts';
import type {OperatorMetrics} from '../../metrics/job-metrics.ts';
import type {Column} from '../../records/column.ts';
import type {RecordBatch} from '../../records/record-batch.ts';

export class GroupAggregate implements Operator {
  readonly #request: OperatorRequest;
  readonly #mode: EmitMode;
  readonly #metrics: OperatorMetrics;
  #plan: AggregatePlan | null = null;
  #ttl: TableTtl | null = null;
  #rows = new Int32Array(0);
  #watermark = -Infinity;
  #hasEventTime = false;
  /** on-update: by row the run that it last came in. Runs are never numbered again, so rows may be. */
  #marks = new Int32Array(0);
  #run = 0;

  constructor(request: OperatorRequest) {
    this.#request = request;
    this.#mode = request.options['emit'] as EmitMode;
    this.#metrics = request.context.metrics.operator(request.context.uid);
  }

  async open(): Promise<void> {
    const {options, context} = this.#request;
    const ttl = options['ttl'] as StateTtl | undefined;
    this.#plan = await AggregatePlan.open({
      request: this.#request,
      windowMillis: null,
      ownSlots: ttl === undefined ? [] : [TTL_SLOT],
    });
    if (ttl === undefined) return;
    const clock = new TtlClock(context.clock, context.restored);
    this.#ttl = new TableTtl(this.#plan.table, ttl, clock);
  }

  process(batch: RecordBatch): void {
    const plan = this.#opened;
    const count = batch.selectedCount;
    this.#metrics.recordsIn += count;
    if (batch.watermarks !== null) this.#hasEventTime = true;
    if (this.#rows.length < count) this.#rows = new Int32Array(count);
    const keys = plan.keyColumns.map((index) => must(batch.columns[index], 'key column'));
    plan.evaluate(batch);
    this.#resolve(keys, batch);
    if (this.#mode === 'on-update') this.#update(batch);
    else plan.accumulate(batch, this.#rows, 0, count);
    if (this.#mode === 'on-checkpoint') plan.table.markChanged(this.#rows, 0, count);
  }

  advanceWatermark(time: number): void {
    this.#watermark = time;
  }

  beforeBarrier(): void {
    if (this.#mode !== 'on-checkpoint') return;
    const {table, results} = this.#opened;
    const ttl = this.#ttl;
    table.visitChanged((rows, count) => {
      const read = ttl === null ? {values: rows, count} : ttl.beginRead(rows, count);
      results.append(read.values, 0, read.count, this.#watermarkBefore);
      ttl?.endRead();
    });
    results.flush();
  }

  async snapshot(target: SnapshotTarget): Promise<OperatorSnapshot> {
    const {uid, subtask, state} = this.#request.context;
    const watermark = watermarkOf(this.#watermark);
    const aged = this.#ttl === null ? [] : [this.#ttl.beforeSnapshot()];
    const states = [...(await state.snapshot(target)), ...aged];
    return {uid, type: aggregateSpec.type, subtask: {index: subtask, states, watermark}};
  }

  endInput(): void {
    if (this.#mode !== 'at-end') return;
    const {table, results, keyColumns} = this.#opened;
    this.#ttl?.beforeEnd();
    // The one group of all records is there also when there was none, as in SQL.
    const isGlobal = keyColumns.length === 0 && this.#ownsEmptyKey;
    if (isGlobal && table.isEmpty()) table.resolve([], null, 0, 1, new Int32Array(1));
    table.visitRows((rows, count) => results.append(rows, 0, count, this.#watermarkBefore));
    results.flush();
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

  get #ownsEmptyKey(): boolean {
    const {keyGroups, maxParallelism} = this.#request.context;
    const group = emptyKeyGroup(maxParallelism);
    return group >= keyGroups.start && group <= keyGroups.end;
  }

  get #opened(): AggregatePlan {
    return must(this.#plan, 'open plan');
  }

  get #watermarkBefore(): number | null {
    return this.#hasEventTime ? this.#watermark : null;
  }

  /** Finds or makes the row of each record; with a ttl, they are written from then on. */
  #resolve(keys: readonly Column[], batch: RecordBatch): void {
    const {table} = this.#opened;
    const {selection, selectedCount: count} = batch;
    const ttl = this.#ttl;
    const now = ttl === null ? 0 : ttl.beginBatch(count);
    table.resolve(keys, selection, 0, count, this.#rows);
    if (ttl === null || ttl.write(this.#rows, count, now)) return;
    table.resolve(keys, selection, 0, count, this.#rows);
    ttl.write(this.#rows, count, now);
  }

  #update(batch: RecordBatch): void {
    this.#growMarks();
    const {results} = this.#opened;
    const rows = this.#rows;
    let from = 0;
    this.#run += 1;
    for (let at = 0; at <= batch.selectedCount; at += 1) {
      const isEnd = at === batch.selectedCount;
      if (isEnd || this.#marks[rows[at]!] === this.#run) {
        this.#opened.accumulate(batch, rows, from, at);
        results.append(rows, from, at, this.#watermarkBefore);
        from = at;
        this.#run += 1;
      }
      if (!isEnd) this.#marks[rows[at]!] = this.#run;
    }
    results.flush();
  }

  #growMarks(): void {
    const {rowCount} = this.#opened.table;
    if (rowCount <= this.#marks.length) return;
    const grown = new Int32Array(rowCount * 2);
    grown.set(this.#marks);
    this.#marks = grown;
  }
}
