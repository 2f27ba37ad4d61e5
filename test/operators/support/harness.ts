import {afterEach, beforeEach} from 'vitest';
import {systemClock, type Clock} from '#src/base/clock.js';
import type {KeyGroupRange} from '#src/base/key-groups.js';
import type {OperatorSnapshot, SubtaskMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import type {OptionValues, StateTtl} from '#src/job/job-spec.js';
import type {InputDescription, OptionProblem, StepPlan} from '#src/job/operator-spec.js';
import {JobMetrics} from '#src/metrics/job-metrics.js';
import type {Operator, OperatorType} from '#src/operators/operator.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import type {DataType} from '#src/records/data-type.js';
import type {RecordBatch} from '#src/records/record-batch.js';
import type {Schema} from '#src/records/schema.js';
import {toRows, type Value} from '#src/records/value.js';
import {expressionChecker} from '#src/expressions/expression-checker.js';
import {HashmapBackend} from '#src/state/hashmap/hashmap-backend.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import {RocksdbBackend} from '#src/state/rocksdb/rocksdb-backend.js';
import type {StateBackend} from '#src/state/state-backend.js';
import {memoryStores} from '../../state/support/memory-store.ts';
import {STORE_OPTIONS} from '../../state/support/store-options.ts';
import {noDatabase} from '../../state/support/no-database.ts';
import {MemoryFiles} from '../../state/support/memory-files.ts';

export const BACKENDS = ['hashmap', 'rocksdb'] as const;

/** How the steps that are made from here on keep their state. */
let backend: (typeof BACKENDS)[number] = 'hashmap';
let generation = 0;

/** Of the tests of a suite; rocksdb with a cache of a few rows. Other files in this process have hashmap. */
export function keepStateIn(name: (typeof BACKENDS)[number]): void {
  beforeEach(() => {
    backend = name;
  });
  afterEach(() => {
    backend = 'hashmap';
  });
}

function makeBackend(of: {
  readonly restored: readonly SubtaskMetadata[];
  readonly restoredDirectory: string | null;
  readonly files: MemoryFiles;
  readonly keyGroups: KeyGroupRange;
}): StateBackend {
  const {files} = of;
  const options = {
    ...of,
    uid: 'step',
    subtask: 0,
    maxParallelism: 128,
    writer: new InProcessWriter(files),
  };
  if (backend === 'hashmap') {
    return new HashmapBackend({
      ...options,
      openStored: noDatabase,
      compression: 'none',
      incremental: null,
    });
  }
  generation += 1;
  return new RocksdbBackend({
    incremental: false,
    ownsRestored: false,
    ...options,
    openStore: memoryStores(files),
    place: {jobDirectory: '/job', generation, uid: 'step', subtask: 0, directories: ['/local']},
    settings: {store: STORE_OPTIONS, cacheBytes: 300, transferThreads: 1},
  });
}

export const KEY_GROUPS = {start: 0, end: 127};

export function schema(columns: Readonly<Record<string, DataType>>): Schema {
  return {fields: Object.entries(columns).map(([name, type]) => ({name, type}))};
}

export function input(of: Schema, more: Partial<InputDescription> = {}): InputDescription {
  return {
    name: 'in',
    schema: of,
    eventTime: false,
    eventTimeColumn: null,
    bounded: true,
    ...more,
  };
}

export function planOf(
  type: OperatorType,
  options: OptionValues,
  inputs: readonly InputDescription[],
  stateTtl: StateTtl | null = null,
): {plan: StepPlan | null; problems: OptionProblem[]} {
  const problems: OptionProblem[] = [];
  const plan = type.spec.plan({
    uid: 'step',
    options,
    inputs,
    stateTtl,
    expressions: expressionChecker,
    report: (problem) => problems.push(problem),
  });
  return {plan: problems.length > 0 ? null : plan, problems};
}

/** One step under test: what it emitted, as rows. */
export class Harness {
  readonly rows: Record<string, Value>[] = [];
  /** Per emitted row: the watermark before it. */
  readonly watermarks: (number | null)[] = [];
  readonly side: Record<string, Value>[] = [];
  readonly batchSizes: number[] = [];
  readonly metrics = new JobMetrics();
  readonly files: MemoryFiles;
  readonly operator: Operator;
  readonly plan: StepPlan;
  readonly #inputs: readonly InputDescription[];

  constructor(
    type: OperatorType,
    options: OptionValues,
    inputs: readonly InputDescription[],
    restored: readonly SubtaskMetadata[] = [],
    files = new MemoryFiles(),
    clock: Clock = systemClock,
    keyGroups: KeyGroupRange = KEY_GROUPS,
  ) {
    const {plan, problems} = planOf(type, options, inputs);
    if (plan === null) throw new Error(JSON.stringify(problems));
    this.plan = plan;
    this.#inputs = inputs;
    this.files = files;
    const restoredDirectory = restored.length === 0 ? null : '/chk-1';
    const state = makeBackend({restored, restoredDirectory, files, keyGroups});
    this.operator = type.create({
      context: {
        uid: 'step',
        subtask: 0,
        parallelism: 1,
        maxParallelism: 128,
        keyGroups,
        output: {
          emit: (batch) => {
            this.batchSizes.push(batch.selectedCount);
            this.rows.push(...toRows(batch));
            for (let row = 0; row < batch.selectedCount; row += 1) {
              const index = batch.selection?.[row] ?? row;
              this.watermarks.push(batch.watermarks?.[index] ?? null);
            }
          },
          emitTo: (_name, batch) => this.side.push(...toRows(batch)),
        },
        state,
        metrics: this.metrics,
        clock,
        restored,
        restoredDirectory,
      },
      options: plan.options,
      inputs: inputs.map((each) => each.schema),
      schema: plan.schema,
    });
  }

  batch(rows: readonly (readonly Value[])[], watermarks?: readonly number[], of = 0): RecordBatch {
    const builder = new BatchBuilder(this.#inputs[of]!.schema);
    for (const row of rows) builder.appendRow(row);
    const origin = {describe: (row: number) => `in: line ${row + 1}`};
    return builder.build(origin, watermarks === undefined ? null : Float64Array.from(watermarks));
  }

  /** Takes the rows emitted since the last call. */
  take(): Record<string, Value>[] {
    return this.rows.splice(0);
  }

  /** Rows and entries of indexes in a snapshot; of the store in memory: those of all its families. */
  storedRows({states}: SubtaskMetadata): number {
    const [state] = states;
    if (state?.location !== 'file') throw new Error('no state');
    const {rows} = state.description as {rows?: number};
    if (rows !== undefined) return rows;
    const there = new Set<string>();
    for (const file of states) {
      if (file.location !== 'file' || !file.name.endsWith('-sst')) continue;
      const text = new TextDecoder().decode(this.files.content.get(`/chk-1/${file.path}`));
      for (const [family, entries] of JSON.parse(text) as [string, [string, string | null][]][]) {
        for (const [key, value] of entries) {
          if (value === null) there.delete(`${family} ${key}`);
          else there.add(`${family} ${key}`);
        }
      }
    }
    return there.size;
  }

  async snapshot(): Promise<OperatorSnapshot> {
    return this.operator.snapshot({checkpointId: 1, directory: '/chk-1', last: false, full: false});
  }
}
