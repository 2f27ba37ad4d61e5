// Vocabulary: one aggregate with a ttl under a clock that the test moves.
import {expect} from 'vitest';
import type {Clock} from '#src/base/clock.js';
import type {StateHandle, SubtaskMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import type {OptionValues} from '#src/job/job-spec.js';
import {aggregate} from '#src/operators/aggregate.js';
import {BIGINT, STRING} from '#src/records/data-type.js';
import type {Value} from '#src/records/value.js';
import {convertState} from '#src/state/canonical/convert-database.js';
import {isRocksdbFile} from '#src/state/rocksdb/stored-database.js';
import {Harness, input, KEY_GROUPS, schema} from './harness.ts';
import {fileOf} from '../../state/support/incremental-rocksdb.ts';
import {memoryStores} from '../../state/support/memory-store.ts';
import {MemoryFiles} from '../../state/support/memory-files.ts';

export const TABLE = schema({k: STRING, v: BIGINT});
export const SELECT = [
  ['n', 'COUNT(*)'],
  ['last', 'LAST_VALUE(v)'],
];
const START = Date.UTC(2026, 0, 1);

export class TestClock implements Clock {
  monotonic = 5000.25;
  wall = START;

  monotonicMillis(): number {
    return this.monotonic;
  }
  wallMillis(): number {
    return this.wall;
  }
  pass(millis: number): void {
    this.monotonic += millis;
    this.wall += millis;
  }
}

export type Emit = 'at-end' | 'on-checkpoint' | 'on-update';
export type Ttl = Partial<Record<'duration' | 'update-type' | 'visibility', string | number>> & {
  readonly cleanup?: OptionValues;
};
/** Nothing but what a key's own record or result finds. */
export const NO_CLEANUP = {cleanup: {'in-background': false}};
export const RETURN = 'return-expired-if-not-cleaned-up';
export const ON_READ = 'on-read-and-write';

interface Restored {
  readonly subtasks: readonly SubtaskMetadata[];
  readonly files: MemoryFiles;
}

export class Step {
  readonly clock: TestClock;
  readonly #harness: Harness;

  private constructor(harness: Harness, clock: TestClock) {
    this.#harness = harness;
    this.clock = clock;
  }

  static async open(
    emit: Emit,
    ttl: Ttl | null,
    {
      restored,
      clock = new TestClock(),
      keyGroups = KEY_GROUPS,
      groupBy = ['k'],
    }: {
      readonly restored?: Restored;
      readonly clock?: TestClock;
      readonly keyGroups?: typeof KEY_GROUPS;
      readonly groupBy?: readonly string[];
    } = {},
  ): Promise<Step> {
    const options = {
      'group-by': groupBy,
      select: SELECT,
      emit,
      ...(ttl === null ? {} : {ttl: {duration: 10, ...ttl}}),
    };
    const [subtasks, files] = [restored?.subtasks ?? [], restored?.files];
    const harness = new Harness(
      aggregate,
      options,
      [input(TABLE)],
      subtasks,
      files,
      clock,
      keyGroups,
    );
    await harness.operator.open();
    return new Step(harness, clock);
  }

  /** One batch: a record per key. */
  records(...keys: readonly string[]): this {
    const batch = this.#harness.batch(keys.map((key, at): Value[] => [key, BigInt(at)]));
    this.#harness.operator.process(batch, 0);
    return this;
  }

  pass(millis: number): this {
    this.clock.pass(millis);
    return this;
  }

  barrier(): Record<string, number> {
    this.#harness.operator.beforeBarrier();
    return this.take();
  }

  end(): Record<string, number> {
    this.#harness.operator.endInput();
    return this.take();
  }

  /** Key → count, of the rows that went out. */
  take(): Record<string, number> {
    const rows = this.#harness.take();
    expect(new Set(rows.map(({k}) => k)).size, 'each key once').toBe(rows.length);
    return Object.fromEntries(rows.map(({k, n}) => [String(k ?? ''), Number(n)]));
  }

  takeAll(): string {
    return this.#harness
      .take()
      .map(({k, n}) => `${String(k)}${String(n)}`)
      .join(' ');
  }

  async snapshot(): Promise<Restored> {
    // What it was restored from has been read.
    const {content} = this.#harness.files;
    for (const path of [...content.keys()]) if (path.startsWith('/chk-1/')) content.delete(path);
    const {subtask} = await this.#harness.snapshot();
    const files = new MemoryFiles();
    for (const [path, bytes] of content)
      if (path.startsWith('/chk-1/')) files.content.set(path, bytes);
    return {subtasks: [subtask], files};
  }
}

/** The same snapshot with its table in the canonical form. */
export async function canonical({files, subtasks}: Restored): Promise<Restored> {
  const [subtask] = subtasks;
  const states: StateHandle[] = [];
  const converted = new MemoryFiles();
  for (const state of subtask!.states) {
    if (state.location !== 'file') states.push(state);
    else if (!isRocksdbFile(state) || fileOf(state) === 'CURRENT') {
      const directories = {sourceDirectory: '/chk-1', targetDirectory: '/savepoint'};
      const compression = 'none' as const;
      const request = isRocksdbFile(state)
        ? {...directories, compression, uid: 'step', subtask: subtask!, table: 0}
        : {...directories, compression, states: [state], targetPath: state.path};
      const file = await convertState(files, request, memoryStores(files));
      states.push(file);
      converted.content.set(`/chk-1/${file.path}`, files.content.get(`/savepoint/${file.path}`)!);
    }
  }
  return {files: converted, subtasks: [{...subtask!, states}]};
}
